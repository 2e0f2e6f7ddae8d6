// A process that holds a stage of its own, for own-stages.test.ts: appends what it is told, line by line, until it is ended.
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import { isDirectoryLocked, lockDirectory } from '../../src/db/engine/directory-lock.ts'

const [root = '', id = ''] = process.argv.slice(2)
const store = await openFileBlobStore(root, { lock: lockDirectory, isLocked: isDirectoryLocked })
const stage = await store.openOwnStage(id)
console.info(`open ${stage.sizeBytes}`)
for await (const line of console) {
  await stage.append(new Blob([line]).stream())
  console.info(`has ${stage.sizeBytes}`)
}
