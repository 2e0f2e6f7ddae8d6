// A registry of its own in a process of its own, for tests that kill it: `serve-registry.ts <data directory>`; prints its URL.
import { startServer } from './server.ts'

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('usage: serve-registry.ts <data directory>')
const server = await startServer({ directory })
console.log(server.url)
