// A sample upstream that is published already: publishing its first release takes some seconds of a core, and most tests want it alone.
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createLogger } from '../../src/lib/logger.ts'
import { startSample } from '../../src/server/sample.ts'
import { temporaryDirectory } from './process.ts'

let published: Promise<string> | undefined

async function publish(): Promise<string> {
  const { path } = temporaryDirectory('published-sample')
  const sample = await startSample(path, { host: '127.0.0.1', port: 0 }, createLogger('error'))
  await sample.close()
  return join(path, 'sample')
}

/** Into the data of a server that has not started yet: its sample is the first release, published once for all tests of a process. */
export async function laySample(dataDirectory: string): Promise<void> {
  const directory = join(dataDirectory, 'sample')
  if (existsSync(directory)) return
  published ??= publish()
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
  cpSync(await published, directory, { recursive: true })
}
