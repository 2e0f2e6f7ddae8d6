// A process of its own, whose memory is nobody else's: sends 256 MiB to a registry, and prints how much its memory grew, in bytes.
import { randomBytes } from 'node:crypto'
import { digestFromHash, newHash } from '../../../src/oci/digest.ts'
import { parseRepositoryName } from '../../../src/oci/reference.ts'
import { openRemoteTarget } from '../../../src/remote/remote-target.ts'
import { loopbackNetwork } from '../scripted-registry.ts'
import { targetMemory } from './target-memory.ts'

const SIZE = 256 * 1024 * 1024
const [url = ''] = process.argv.slice(2)
const piece = randomBytes(256 * 1024)
const hash = newHash('sha256')
for (let at = 0; at < SIZE; at += piece.byteLength) hash.update(piece)
const blob = { mediaType: 'application/octet-stream', digest: digestFromHash('sha256', hash), size: SIZE }
const target = openRemoteTarget(loopbackNetwork(), { url }, parseRepositoryName('huge'), { memory: targetMemory() })
const sink = await target.writer.stageBlob(blob)
if (sink === 'present') throw new Error('want a sink')
Bun.gc(true)
const before = process.memoryUsage().rss
let most = before
let given = 0
const stream = new ReadableStream<Uint8Array>(
  {
    pull(controller) {
      most = Math.max(most, process.memoryUsage().rss)
      if (given === SIZE) return controller.close()
      given += piece.byteLength
      controller.enqueue(new Uint8Array(piece))
    },
  },
  { highWaterMark: 0 },
)
await sink.write(0, stream)
await sink.commit()
await sink.close()
if ((await target.writer.stageBlob(blob)) !== 'present') throw new Error('want it to be there')
process.stdout.write(`${most - before}\n`)
process.exit()
