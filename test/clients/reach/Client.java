import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.regex.Pattern;

/**
 * NetSuite by Java's HttpClient: a token by an ES256 assertion, the upload of the next certificate, one SuiteQL query. Against the
 * emulator, of which nothing here knows:
 *
 * <pre>
 * keytool -importcert -noprompt -alias emulator -file ca.pem -keystore trust.p12 -storepass changeit
 * java -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8790 \
 *   -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit Client.java
 * </pre>
 */
public class Client {
    static final String HOST = env("NETSUITE_ACCOUNT").toLowerCase().replace('_', '-') + ".suitetalk.api.netsuite.com";
    static final String AUTH = "https://" + HOST + "/services/rest/auth/oauth2/v1";
    static final HttpClient HTTP = HttpClient.newHttpClient();

    public static void main(String[] args) throws Exception {
        String answer = post(AUTH + "/token", "application/x-www-form-urlencoded", null, "grant_type=client_credentials"
            + "&client_assertion_type=" + encoded("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            + "&client_assertion=" + encoded(assertion()));
        var found = Pattern.compile("\"access_token\":\"([^\"]+)\"").matcher(answer);
        if (!found.find()) throw new IllegalStateException("no access_token in the answer");
        String token = found.group(1);

        String pem = Files.readString(Path.of(env("NETSUITE_NEW_CERTIFICATE"))).replace("\n", "\\n");
        post(AUTH + "/clients/" + env("NETSUITE_CLIENT_ID") + "/certificates", "application/json", token,
            "{\"fileContent\":\"" + pem + "\",\"role\":" + env("NETSUITE_ROLE") + ",\"entity\":" + env("NETSUITE_ENTITY") + "}");
        System.out.println(post("https://" + HOST + "/services/rest/query/v1/suiteql?limit=3", "application/json", token,
            "{\"q\":\"SELECT id, companyname FROM customer ORDER BY id\"}"));
    }

    static String assertion() throws Exception {
        long now = Instant.now().getEpochSecond();
        String signed = base64url(("{\"typ\":\"JWT\",\"alg\":\"ES256\",\"kid\":\"" + env("NETSUITE_CERTIFICATE_ID") + "\"}").getBytes()) + "."
            + base64url(("{\"iss\":\"" + env("NETSUITE_CLIENT_ID") + "\",\"scope\":[\"rest_webservices\"],\"aud\":\"" + AUTH + "/token\",\"iat\":"
                + now + ",\"exp\":" + (now + 300) + "}").getBytes());
        String pem = Files.readString(Path.of(env("NETSUITE_KEY_FILE"))).replaceAll("-----[A-Z ]+-----|\\s", "");
        Signature es256 = Signature.getInstance("SHA256withECDSAinP1363Format"); // r and s, as RFC 7518 section 3.4 wants them
        es256.initSign(KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem))));
        es256.update(signed.getBytes());
        return signed + "." + base64url(es256.sign());
    }

    static String post(String address, String contentType, String token, String body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(address)).header("Content-Type", contentType).header("Prefer", "transient");
        if (token != null) request.header("Authorization", "Bearer " + token);
        var answer = HTTP.send(request.POST(BodyPublishers.ofString(body)).build(), BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IllegalStateException(address + ": " + answer.statusCode() + " " + answer.body());
        return answer.body();
    }

    static String base64url(byte[] data) { return Base64.getUrlEncoder().withoutPadding().encodeToString(data); }

    static String encoded(String text) { return URLEncoder.encode(text, StandardCharsets.UTF_8); }

    static String env(String name) {
        String value = System.getenv(name);
        if (value == null) throw new IllegalStateException("set " + name);
        return value;
    }
}
