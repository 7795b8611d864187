// Lets fetch of a Node before 22.21 heed HTTPS_PROXY: node --import ./proxy.mjs client.mjs
import { EnvHttpProxyAgent, setGlobalDispatcher } from 'undici';

setGlobalDispatcher(new EnvHttpProxyAgent());
