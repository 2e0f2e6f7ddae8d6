import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDirectorySync } from '../../src/blobs/directory-sync.ts'

test('what asks while a directory is being synced waits for the next sync, and shares it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kagami-sync-'))
  const sync = createDirectorySync()
  const ended: string[] = []
  const say = (name: string) => () => void ended.push(name)
  const first = sync(directory)
  const [second, third] = [sync(directory), sync(directory)]
  expect(second).not.toBe(first)
  expect(third).toBe(second)
  await Promise.all([first.then(say('first')), second.then(say('second'))])
  expect(ended).toEqual(['first', 'second'])
  // All have ended: the next one asks anew.
  expect(sync(directory)).not.toBe(second)
  rmSync(directory, { recursive: true })
})

test('a directory that is not there fails those who asked, and nobody after them', async () => {
  const root = mkdtempSync(join(tmpdir(), 'kagami-sync-'))
  const sync = createDirectorySync()
  const both = await Promise.allSettled([sync(join(root, 'gone')), sync(join(root, 'gone'))])
  expect(both.map((one) => (one.status === 'rejected' ? one.reason.code : 'fulfilled'))).toEqual(['ENOENT', 'ENOENT'])
  await sync(root)
  rmSync(root, { recursive: true })
})
