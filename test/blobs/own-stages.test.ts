// Several processes on one root: each works on stages of its own, and takes over what a dead one left; a sleeping one is not dead.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import { isDirectoryLocked, lockDirectory } from '../../src/db/engine/directory-lock.ts'
import { temporaryDirectory } from '../support/process.ts'

const SHARING = { lock: lockDirectory, isLocked: isDirectoryLocked }

let directory: ReturnType<typeof temporaryDirectory>
let root: string
const holders: Holder[] = []
beforeEach(() => {
  directory = temporaryDirectory('own-stages')
  root = join(directory.path, 'blobs')
})
afterEach(async () => {
  for (const holder of holders.splice(0)) await holder.kill()
  directory.remove()
})

interface Holder {
  readonly pid: number
  /** The next line that it prints. */
  says(): Promise<string>
  append(text: string): void
  kill(): Promise<void>
}

function startHolder(id: string): Holder {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'stage-holder.ts'), root, id], {
    stdin: 'pipe',
    stdout: 'pipe',
  })
  const lines = (async function* () {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of child.stdout) {
      const parts = (rest + decoder.decode(chunk)).split('\n')
      rest = parts.pop() ?? ''
      yield* parts
    }
  })()
  const holder: Holder = {
    pid: child.pid,
    says: async () => String((await lines.next()).value),
    append: (text) => {
      child.stdin.write(`${text}\n`)
      child.stdin.flush()
    },
    async kill() {
      child.kill('SIGKILL')
      await child.exited
    },
  }
  holders.push(holder)
  return holder
}

async function textOf(stage: { read(): ReadableStream<Uint8Array> }): Promise<string> {
  return new Response(stage.read()).text()
}

test('what a killed process left is taken over, by one of those who want it', async () => {
  const holder = startHolder('mirror-a')
  expect(await holder.says()).toBe('open 0')
  holder.append('half')
  expect(await holder.says()).toBe('has 4')
  await holder.kill()
  const [one, other] = [await openFileBlobStore(root, SHARING), await openFileBlobStore(root, SHARING)]
  const stages = [await one.openOwnStage('mirror-a'), await other.openOwnStage('mirror-a')]
  expect(stages.map(({ sizeBytes }) => sizeBytes)).toEqual([4, 0])
  await stages[0]?.append(new Blob([' and half']).stream())
  expect(stages[0] && (await textOf(stages[0]))).toBe('half and half')
  expect(await one.measureStage('mirror-a')).toBe(13)
  for (const stage of stages) await stage.close()
  one.close()
  other.close()
})

test('a sleeping process keeps its stage: what it writes when it wakes spoils nobody else', async () => {
  const holder = startHolder('mirror-a')
  await holder.says()
  holder.append('mine')
  expect(await holder.says()).toBe('has 4')
  process.kill(holder.pid, 'SIGSTOP')
  const store = await openFileBlobStore(root, SHARING)
  const stage = await store.openOwnStage('mirror-a')
  expect(stage.sizeBytes).toBe(0)
  await stage.append(new Blob(['theirs']).stream())
  holder.append('garbage')
  process.kill(holder.pid, 'SIGCONT')
  expect(await holder.says()).toBe('has 11')
  expect(await textOf(stage)).toBe('theirs')
  await stage.close()
  // This one comes back to its own.
  const again = await store.openOwnStage('mirror-a')
  expect(again.sizeBytes).toBe(6)
  await again.close()
  store.close()
})

test('a process that has the root alone goes on with whatever is there, and one that shares it with what was there before', async () => {
  const alone = await openFileBlobStore(root)
  const before = await alone.openOwnStage('mirror-a')
  await before.append(new Blob(['old']).stream())
  await before.close()
  const shared = await openFileBlobStore(root, SHARING)
  const taken = await shared.openOwnStage('mirror-a')
  expect(taken.sizeBytes).toBe(3)
  await taken.close()
  shared.close()
  const again = await (await openFileBlobStore(root)).openOwnStage('mirror-a')
  expect(again.sizeBytes).toBe(3)
  await again.close()
  expect(alone.openOwnStage('../evil')).rejects.toThrow('not a stage id')
})

test('a directory is shared among those who share it, and closed to whoever wants it alone', () => {
  const one = lockDirectory(directory.path, { isShared: true })
  const other = lockDirectory(directory.path, { isShared: true })
  expect([one === undefined, other === undefined]).toEqual([false, false])
  expect(lockDirectory(directory.path)).toBeUndefined()
  one?.release()
  other?.release()
  const alone = lockDirectory(directory.path)
  expect(alone).toBeDefined()
  expect(lockDirectory(directory.path, { isShared: true })).toBeUndefined()
  alone?.release()
})
