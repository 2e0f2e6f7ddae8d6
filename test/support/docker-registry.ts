// Debian's docker-registry: an independent registry, without the referrers API, as an upstream or a target.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answersHttp, freePort, startDaemon, temporaryDirectory } from './process.ts'
import type { Credentials } from './registry-session.ts'

export interface DockerRegistryOptions {
  /** Deleting by digest is allowed unless this is false. */
  readonly deletes?: boolean
  /** Every request needs these (htpasswd, so a Basic challenge). */
  readonly credentials?: Credentials
  /** Serves https with a certificate of a new private authority for 127.0.0.1 and localhost. */
  readonly tls?: boolean
  /** The `auth` section of its settings, for other ways than `credentials`. */
  readonly auth?: object
  /** Keeps descriptors of blobs in memory, as its packaged settings do. */
  readonly cache?: boolean
  /** Data of another registry; they stay when this one stops. */
  readonly dataDirectory?: string
}

export interface DockerRegistry {
  readonly pid: number
  /** `http://127.0.0.1:PORT` (or https). */
  readonly url: string
  /** `localhost:PORT`: image references and docker's own rules for insecure registries want a name. */
  readonly host: string
  readonly dataDirectory: string
  /** The authority's certificate, as a file and as PEM; only with `tls`. */
  readonly caFile: string | undefined
  readonly ca: string | undefined
  stop(): Promise<void>
}

/** Whether Debian's docker-registry is installed. */
export const haveDockerRegistry: boolean = Bun.which('docker-registry') !== null

function openssl(...args: string[]) {
  const run = Bun.spawnSync(['openssl', ...args], { stderr: 'pipe' })
  if (run.exitCode !== 0) throw new Error(`openssl ${args[0]} ended with ${run.exitCode}: ${run.stderr}`)
}

/** Makes `ca.pem`, and `server.pem` with `server.key` signed by it, for 127.0.0.1 and localhost. */
export function makeCertificates(directory: string): { caFile: string; certFile: string; keyFile: string } {
  const at = (name: string) => join(directory, name)
  writeFileSync(at('server.ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '30',
    '-subj',
    '/CN=Kagami test CA',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  )
  openssl('req', ...newKey, '-subj', '/CN=localhost', '-keyout', at('server.key'), '-out', at('server.csr'))
  const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '30']
  openssl('x509', '-req', '-in', at('server.csr'), ...signer, '-extfile', at('server.ext'), '-out', at('server.pem'))
  return { caFile: at('ca.pem'), certFile: at('server.pem'), keyFile: at('server.key') }
}

/** Starts a registry with data of its own on a free port of 127.0.0.1; `stop` ends it and removes the data. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const directory = temporaryDirectory('docker-registry')
  const dataDirectory = options.dataDirectory ?? join(directory.path, 'data')
  mkdirSync(dataDirectory, { recursive: true })
  const port = await freePort()
  const http: Record<string, unknown> = { addr: `127.0.0.1:${port}`, secret: 'tests only' }
  const certificates = options.tls ? makeCertificates(directory.path) : undefined
  if (certificates) http.tls = { certificate: certificates.certFile, key: certificates.keyFile }
  const settings: Record<string, unknown> = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: dataDirectory },
      delete: { enabled: options.deletes ?? true },
      // A cache would hide what a test changes on the disk.
      ...(options.cache ? { cache: { blobdescriptor: 'inmemory' } } : {}),
      maintenance: { uploadpurging: { enabled: false } },
    },
    http,
  }
  if (options.auth) settings.auth = options.auth
  if (options.credentials) {
    const { username, password } = options.credentials
    const hash = await Bun.password.hash(password, { algorithm: 'bcrypt', cost: 4 })
    writeFileSync(join(directory.path, 'htpasswd'), `${username}:${hash.replace(/^\$2b\$/, '$2y$')}\n`)
    settings.auth = { htpasswd: { realm: 'kagami tests', path: join(directory.path, 'htpasswd') } }
  }
  // JSON is YAML.
  writeFileSync(join(directory.path, 'config.yml'), JSON.stringify(settings))
  const url = `${certificates ? 'https' : 'http'}://127.0.0.1:${port}`
  const ca = certificates ? readFileSync(certificates.caFile, 'utf8') : undefined
  const daemon = await startDaemon({
    command: 'docker-registry',
    args: ['serve', join(directory.path, 'config.yml')],
    // It collects its garbage for a third of its time, where memory is plenty.
    env: { OTEL_TRACES_EXPORTER: 'none', GOGC: '1000' },
    ready: () => answersHttp(`${url}/v2/`, ca === undefined ? {} : { tls: { ca } }),
  })
  return {
    pid: daemon.pid,
    url,
    host: `localhost:${port}`,
    dataDirectory,
    caFile: certificates?.caFile,
    ca,
    stop: async () => {
      await daemon.stop()
      directory.remove()
    },
  }
}
