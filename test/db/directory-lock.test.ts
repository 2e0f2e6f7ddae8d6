import { expect, test } from 'bun:test'
import { lockDirectory } from '../../src/db/engine/directory-lock.ts'
import { temporaryDirectory } from '../support/process.ts'

test('a directory has one holder at a time, and is free again when it is released', () => {
  const directory = temporaryDirectory('lock')
  try {
    const first = lockDirectory(directory.path)
    expect(first).toBeDefined()
    expect(lockDirectory(directory.path)).toBeUndefined()
    first?.release()
    const second = lockDirectory(directory.path)
    expect(second).toBeDefined()
    second?.release()
  } finally {
    directory.remove()
  }
})

test('a holder that is killed holds nothing', async () => {
  const directory = temporaryDirectory('lock')
  try {
    const holder = Bun.spawn(
      [
        process.execPath,
        '-e',
        `const { lockDirectory } = await import(${JSON.stringify(`${import.meta.dir}/../../src/db/engine/directory-lock.ts`)})
         // Kept: one that nobody can reach is collected, and free.
         globalThis.held = lockDirectory(${JSON.stringify(directory.path)})
         if (globalThis.held !== undefined) console.log('held')
         setInterval(() => {}, 1000)`,
      ],
      { stdout: 'pipe' },
    )
    const { value } = await holder.stdout.getReader().read()
    expect(new TextDecoder().decode(value)).toBe('held\n')
    expect(lockDirectory(directory.path)).toBeUndefined()
    holder.kill('SIGKILL')
    await holder.exited
    const next = lockDirectory(directory.path)
    expect(next).toBeDefined()
    next?.release()
  } finally {
    directory.remove()
  }
})
