// Calls the hooks of the compiled forwarder as the server does, and prints each request that it sends.
// node drive_forwarder.js FORWARDER.js APP.json SECRET < [["executePostUserCreated", context], ...]

const { RollcallForwarder } = require(process.argv[2]);
const calls = JSON.parse(require('fs').readFileSync(0, 'utf-8'));
const settings = { url: 'https://hooks.example.com/rocketchat', secret: process.argv[4], uniqueID: 'hq' };
const reader = { getValueById: async (id) => settings[id] };
const read = { getEnvironmentReader: () => ({ getSettings: () => reader, getServerSettings: () => reader }) };
const logger = { debug: () => undefined, error: (line) => console.log(JSON.stringify({ logged: line })) };

// The first attempt meets an answer of 503, the second an exception; with `down` so does every other.
function http(down) {
    let attempts = 0;
    return {
        post: async (url, { content, headers }) => {
            attempts += 1;
            console.log(JSON.stringify({ url, content, headers }));
            if (attempts === 2 || (down && attempts > 2)) {
                throw new Error('connection refused');
            }
            return { statusCode: attempts === 1 ? 503 : 204 };
        },
    };
}

(async () => {
    const forwarder = new RollcallForwarder(require(process.argv[3]), logger);
    const provided = [];
    await forwarder.extendConfiguration({ settings: { provideSetting: async ({ id }) => provided.push(id) } });
    console.log(JSON.stringify({ provided }));
    for (const [hook, context] of calls) {
        await forwarder[hook](context, read, http(false));
    }
    await forwarder.executePostUserLoggedOut({ id: 'u' }, read, http(true));
})();
