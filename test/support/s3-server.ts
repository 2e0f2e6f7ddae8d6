// A real S3 server (Ceph), one per test process, in memory. It ends with the process, however that ends.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { createS3Client, type S3ClientOptions } from '../../src/blobs/s3/client.ts'
import type { S3Location } from '../../src/blobs/s3/location.ts'
import { createObjects, type S3Objects } from '../../src/blobs/s3/objects.ts'
import { randomHex } from '../../src/lib/ids.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { temporaryDirectory } from './process.ts'
import { reapGroup } from './reaper.ts'

const PROGRAM = resolve(import.meta.dir, '../../../shared/services/s3-server')
/** The server takes the port and those behind it; below what systems give out by themselves. */
const PORTS = { first: 20_000, last: 31_000, each: 21 }

export const haveS3: boolean = existsSync(PROGRAM)
if (!haveS3) console.error(`\nS3 IS NOT TESTED: there is no ${PROGRAM}\n`)

export interface S3Server {
  readonly endpoint: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** A prefix that nobody else uses. */
  freshLocation(change?: Partial<S3Location>): S3Location
}

let server: Promise<S3Server> | undefined

/** The server of this test process, started at the first call: two seconds, and half a minute more where Ceph is not installed yet. */
export function s3Server(): Promise<S3Server> {
  server ??= start()
  return server
}

/** The bucket without a store above it: what is really there. */
export const objectsOf = (location: S3Location, o?: S3ClientOptions): S3Objects =>
  createObjects(createS3Client(location, o))

/** `KAGAMI_BLOBS` and the keys for a server of ours. */
export function s3Environment({ bucket, prefix, endpoint, region, credentials }: S3Location): Record<string, string> {
  const query = new URLSearchParams({ endpoint, region })
  return {
    KAGAMI_BLOBS: `s3://${bucket}/${prefix}?${query}`,
    AWS_ACCESS_KEY_ID: credentials?.accessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: credentials?.secretAccessKey.reveal() ?? '',
  }
}

async function start(): Promise<S3Server> {
  const directory = temporaryDirectory('s3')
  for (let left = 5; ; left--) {
    const port = await freePorts()
    const run = Bun.spawn([PROGRAM, 'start'], {
      env: { ...process.env, S3_SERVER_DIR: directory.path, S3_SERVER_PORT: String(port), S3_SERVER_STORE: 'memstore' },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [text, failure] = await Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text()])
    reapDaemons(join(directory.path, 'state/run'))
    if ((await run.exited) !== 0) {
      if (left > 0) continue
      throw new Error(`the S3 server does not start: ${failure}`)
    }
    const line = (name: string) => new RegExp(`^S3_${name}=(.*)$`, 'm').exec(text)?.[1] ?? ''
    const facts = {
      endpoint: line('ENDPOINT'),
      bucket: line('BUCKET'),
      accessKeyId: line('ACCESS_KEY_ID'),
      secretAccessKey: line('SECRET_ACCESS_KEY'),
    }
    return {
      ...facts,
      freshLocation: (change = {}) => ({
        bucket: facts.bucket,
        prefix: `test-${randomHex(6)}`,
        endpoint: facts.endpoint,
        region: line('REGION'),
        style: 'path',
        credentials: {
          accessKeyId: facts.accessKeyId,
          secretAccessKey: createSecret(facts.secretAccessKey),
          sessionToken: undefined,
        },
        ...change,
      }),
    }
  }
}

/** They have left their parent: each has a process group of its own. */
function reapDaemons(run: string): void {
  for (const name of existsSync(run) ? readdirSync(run) : []) {
    const pid = readFileSync(join(run, name), 'utf8').trim()
    const path = `/proc/${pid}/stat`
    const group = existsSync(path) ? readFileSync(path, 'utf8').split(') ')[1]?.split(' ')[2] : undefined
    if (group !== undefined) reapGroup(Number(group))
  }
}

async function freePorts(): Promise<number> {
  for (;;) {
    const base = PORTS.first + Math.floor(Math.random() * ((PORTS.last - PORTS.first) / PORTS.each)) * PORTS.each
    const taken = await Promise.all(Array.from({ length: PORTS.each }, (_, n) => isTaken(base + n)))
    if (!taken.includes(true)) return base
  }
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (taken: boolean) => {
      socket.destroy()
      resolve(taken)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
