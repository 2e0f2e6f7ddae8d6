// The programs that serve, each on data of its own.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { importPKCS8, SignJWT } from 'jose'
import { FIELDS } from '../../src/config/fields.ts'
import { makeCertificates, startDockerRegistry } from '../support/docker-registry.ts'
import { startKagami } from '../support/kagami.ts'
import { answersHttp, freePort, startDaemon, temporaryDirectory } from '../support/process.ts'
import type { Credentials } from '../support/registry-session.ts'
import { askAs, basic, openApi } from './api-client.ts'
import { startBareServer } from './bare.ts'

/** The bare server in one process. */
export const BARE = 'bare, 1 process'
/** One process for each core. */
export const BARE_ALL = 'bare'

export interface Peer {
  readonly name: string
  readonly url: string
  readonly repository: string
  /** Process group. */
  readonly group: number
  /** To push; undefined where anybody may. */
  readonly credentials: Credentials | undefined
  /** Value of `Authorization` for pulls from the repository, good for five minutes; absent: anybody may pull. */
  authorization?(): Promise<string>
  stop(): Promise<unknown>
}

export interface KagamiPeer extends Peer {
  /** Asks the management API as the owner. @throws Error when the answer is not 2xx */
  call<T>(method: string, path: string, body?: object): Promise<T>
  /** Reads an answer that streams to its end. */
  follow(path: string): Promise<void>
  authorization(): Promise<string>
  readonly dataDirectory: string
  /** Name of the user whose rights decide. */
  readonly owner: string
}

/** Whether this Kagami can be told how many processes serve. */
export const haveWorkers: boolean = FIELDS.some(({ variable }) => variable === 'KAGAMI_WORKERS')

/** With a private repository, so that rights decide at each pull. @param workers that serve; undefined: as many as by default */
export async function startKagamiPeer(workers?: number): Promise<KagamiPeer> {
  const kagami = await startKagami({ env: workers === undefined ? {} : { KAGAMI_WORKERS: String(workers) } })
  const { credentials, ask, call } = await openApi(kagami)
  const repository = 'acme/bench'
  await call('POST', '/repositories', { name: repository, visibility: 'private' })
  return {
    name: workers === undefined ? 'Kagami' : `Kagami, ${workers} worker`,
    url: kagami.url,
    dataDirectory: kagami.dataDirectory,
    owner: kagami.owner.username,
    repository,
    group: kagami.pid,
    credentials,
    call,
    async follow(path) {
      const response = await ask('GET', path)
      for await (const _ of response.body ?? []);
    },
    async authorization() {
      const query = new URLSearchParams({ service: 'kagami', scope: `repository:${repository}:pull` })
      const answer = await askAs(kagami.url, basic(credentials), 'GET', `/token?${query}`)
      return `Bearer ${((await answer.json()) as { readonly token: string }).token}`
    },
    stop: kagami.stop,
  }
}

/** Debian's docker-registry as its package configures it: no access log, descriptors of blobs cached in memory. */
export async function startDockerRegistryPeer(): Promise<Peer & { readonly dataDirectory: string }> {
  const registry = await startDockerRegistry({ cache: true })
  return {
    name: 'docker-registry',
    url: registry.url,
    repository: 'acme/bench',
    group: registry.pid,
    credentials: undefined,
    dataDirectory: registry.dataDirectory,
    stop: registry.stop,
  }
}

/** A second docker-registry on the data of the first that wants bearer tokens, and what signs them. */
export async function startTokenRegistry(first: Peer & { readonly dataDirectory: string }): Promise<Peer> {
  const directory = temporaryDirectory('bench-tokens')
  const { certFile, keyFile } = makeCertificates(directory.path)
  const [issuer, service] = ['bench', 'bench registry']
  const auth = { token: { realm: 'http://127.0.0.1/token', service, issuer, rootcertbundle: certFile } }
  const registry = await startDockerRegistry({ cache: true, auth, dataDirectory: first.dataDirectory })
  const key = await importPKCS8(readFileSync(keyFile, 'utf8'), 'ES256')
  const certificate = readFileSync(certFile, 'utf8').replace(/-----[^-]+-----|\s/g, '')
  return {
    name: first.name,
    url: registry.url,
    repository: first.repository,
    group: registry.pid,
    credentials: undefined,
    async authorization() {
      const access = [{ type: 'repository', name: first.repository, actions: ['pull'] }]
      const token = new SignJWT({ access }).setProtectedHeader({ alg: 'ES256', typ: 'JWT', x5c: [certificate] })
      token.setIssuer(issuer).setAudience(service).setSubject('owner').setJti('bench')
      return `Bearer ${await token.setIssuedAt().setNotBefore('0s').setExpirationTime('5m').sign(key)}`
    },
    async stop() {
      await registry.stop()
      directory.remove()
    },
  }
}

/** zot, where it is installed. */
export async function startZotPeer(): Promise<Peer> {
  const directory = temporaryDirectory('bench-zot')
  const port = await freePort()
  const settings = {
    storage: { rootDirectory: join(directory.path, 'data') },
    http: { address: '127.0.0.1', port: String(port) },
    log: { level: 'error' },
  }
  writeFileSync(join(directory.path, 'config.json'), JSON.stringify(settings))
  const url = `http://127.0.0.1:${port}`
  const daemon = await startDaemon({
    command: 'zot',
    args: ['serve', join(directory.path, 'config.json')],
    ready: () => answersHttp(`${url}/v2/`),
  })
  const stop = async () => {
    await daemon.stop()
    directory.remove()
  }
  return { name: 'zot', url, repository: 'acme/bench', group: daemon.pid, credentials: undefined, stop }
}

/** The bare server: no registry, but what Bun and SQLite can do. */
export async function startBarePeer(kagami: KagamiPeer, processes: number): Promise<Peer> {
  const { repository, dataDirectory, owner } = kagami
  const { url, group, stop } = await startBareServer({ dataDirectory, username: owner, processes })
  return { name: processes === 1 ? BARE : BARE_ALL, url, repository, group, credentials: undefined, stop }
}

/** nginx with a worker for each core over plain files: no registry, but what the machine can do. */
export async function startNginxPeer(blobs: ReadonlyMap<string, Uint8Array>): Promise<Peer> {
  const directory = temporaryDirectory('bench-nginx')
  const files = join(directory.path, 'v2/acme/bench/blobs')
  mkdirSync(files, { recursive: true })
  for (const [digest, bytes] of blobs) writeFileSync(join(files, digest), bytes)
  const port = await freePort()
  const at = (name: string) => join(directory.path, name)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path ${at(one)};`)
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  writeFileSync(
    at('nginx.conf'),
    `${user} daemon off; worker_processes ${availableParallelism()}; pid ${at('pid')}; error_log ${at('error')}; events {}
http { access_log off; sendfile on; tcp_nopush on; ${temporary.join(' ')}
  server { listen 127.0.0.1:${port}; root ${directory.path}; } }`,
  )
  const url = `http://127.0.0.1:${port}`
  const daemon = await startDaemon({
    command: 'nginx',
    args: ['-c', at('nginx.conf'), '-e', at('error')],
    ready: () => answersHttp(url),
  })
  const stop = async () => {
    await daemon.stop()
    directory.remove()
  }
  return { name: 'nginx', url, repository: 'acme/bench', group: daemon.pid, credentials: undefined, stop }
}
