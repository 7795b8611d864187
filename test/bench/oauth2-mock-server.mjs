// The server that the emulator is measured against: oauth2-mock-server, as its README starts it. It tells its address and
// serves until its input ends.
import { OAuth2Server } from 'oauth2-mock-server'

const server = new OAuth2Server()
await server.issuer.keys.generate('RS256')
await server.start(0, '127.0.0.1')
console.log(JSON.stringify({ Addr: `127.0.0.1:${server.address().port}` }))
process.stdin.resume()
process.stdin.on('end', () => server.stop().then(() => process.exit(0)))
