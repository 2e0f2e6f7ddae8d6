// Real damage on disk and in the database: what a check finds, what is served then, and how it heals.
import { Database as Sqlite } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SQL } from 'bun'
import {
  lastStorageCheckAnswerSchema,
  type StorageCheck,
  storageCheckAnswerSchema,
} from '../../src/api/storage-checks.ts'
import { isReady } from '../support/kagami.ts'
import { authorization, describeOnEachDatabase, OWNER, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(60_000)

describeOnEachDatabase('verify-storage', (start) => {
  let kagami: WholeServer
  let repository: string
  /** Of a tag: its first image, with config and layers. */
  let layerBytes: Buffer
  let image: { tag: string; digest: string; config: string; layers: string[] }

  const inRegistry = (path: string, init: RequestInit = {}) =>
    fetch(`${kagami.url}/v2/${repository}/${path}`, { ...init, headers: { authorization: authorization(OWNER) } })
  const query = async (text: string) => {
    if (kagami.database.startsWith('postgres')) {
      const sql = new SQL(kagami.database)
      try {
        return (await sql.unsafe(text)) as Record<string, unknown>[]
      } finally {
        await sql.close()
      }
    }
    const sqlite = new Sqlite(kagami.database)
    try {
      sqlite.exec('PRAGMA busy_timeout = 5000')
      return sqlite.query<Record<string, unknown>, []>(text).all()
    } finally {
      sqlite.close()
    }
  }
  const fileOf = async (digest: string) => {
    const [row] = await query(`SELECT storage_key FROM blobs WHERE digest = '${digest}'`)
    const key = String(row?.storage_key)
    return join(kagami.directory, 'blobs', 'objects', key.slice(7, 9), key)
  }
  const flipByte = async (digest: string) => {
    const path = await fileOf(digest)
    const bytes = readFileSync(path)
    bytes[0] = (bytes[0] ?? 0) ^ 1
    chmodSync(path, 0o600)
    writeFileSync(path, bytes)
  }
  const check = async (body: object = {}): Promise<StorageCheck> => {
    const begun = await kagami.call('POST', '/operator/storage-checks', { login: OWNER, body })
    let { check: found } = begun.as(storageCheckAnswerSchema)
    while (found.state === 'running') {
      const answer = await kagami.call('GET', '/operator/storage-checks', { login: OWNER })
      found = answer.as(lastStorageCheckAnswerSchema).check ?? found
    }
    return found
  }
  const statusOf = async (path: string, method = 'GET') => {
    const answer = await inRegistry(path, { method })
    await answer.arrayBuffer()
    return answer.status
  }

  beforeAll(async () => {
    kagami = await start({ withSample: true })
    while (!(await isReady(kagami.url)));
    const mirror = kagami.server.firstRun?.mirror
    repository = mirror?.repository ?? ''
    const { tags } = (await (await inRegistry('tags/list')).json()) as { tags: string[] }
    for (const tag of tags) {
      const index = (await (await inRegistry(`manifests/${tag}`)).json()) as { manifests?: { digest: string }[] }
      const digest = index.manifests?.[0]?.digest
      if (digest === undefined) continue
      const manifest = (await (await inRegistry(`manifests/${digest}`)).json()) as {
        config: { digest: string }
        layers: { digest: string }[]
      }
      image = { tag, digest, config: manifest.config.digest, layers: manifest.layers.map((layer) => layer.digest) }
      break
    }
  })
  afterAll(() => kagami.stop())

  test('sound content: everything is hashed, nothing is found', async () => {
    const found = await check()
    expect(found).toMatchObject({
      state: 'done',
      missingCount: 0,
      corruptCount: 0,
      missing: [],
      corrupt: [],
      error: null,
    })
    const [blobs] = await query('SELECT count(*) AS n FROM blobs')
    const [manifests] = await query('SELECT count(*) AS n FROM manifests')
    expect(found.checked).toBe(Number(blobs?.n) + Number(manifests?.n))
    const [audit] = await query("SELECT count(*) AS n FROM audit_entries WHERE action = 'storage.check'")
    expect(Number(audit?.n)).toBe(1)
  })

  test('a flipped byte, a cut and a deleted object, and a changed manifest are told by repository and tag, and never served again', async () => {
    const [first, second] = image.layers
    if (first === undefined || second === undefined) throw new Error('want an image of two layers')
    layerBytes = readFileSync(await fileOf(first))
    await flipByte(first)
    truncateSync(await fileOf(second), 10)
    rmSync(await fileOf(image.config))
    await query(
      kagami.database.startsWith('postgres')
        ? `UPDATE manifests SET bytes = bytes || ' '::bytea WHERE digest = '${image.digest}'`
        : `UPDATE manifests SET bytes = CAST(bytes || ' ' AS BLOB) WHERE digest = '${image.digest}' RETURNING digest`,
    )
    const found = await check({ rateBytes: 1024 * 1024 * 1024 })
    expect(found.missing.map(({ digest, kind, damage }) => [digest, kind, damage])).toEqual([
      [image.config, 'blob', 'missing'],
    ])
    expect(new Map(found.corrupt.map(({ digest, damage }) => [digest, damage]))).toEqual(
      new Map([
        [first, 'corrupt'],
        [second, 'short'],
        [image.digest, 'corrupt'],
      ]),
    )
    expect([found.missingCount, found.corruptCount]).toEqual([1, 3])
    for (const { repositories } of [...found.missing, ...found.corrupt]) {
      const place = repositories.find(({ name }) => name === repository)
      expect(place?.tags).toContain(image.tag)
    }
    for (const digest of [first, second, image.config]) {
      expect(await statusOf(`blobs/${digest}`)).toBe(404)
      expect(await statusOf(`blobs/${digest}`, 'HEAD')).toBe(404)
    }
    expect(await statusOf(`manifests/${image.digest}`)).toBe(404)
    const metrics = await fetch(`${kagami.url}/metrics`, { headers: { authorization: authorization(OWNER) } })
    expect(await metrics.text()).toContain('kagami_damaged_content{kind="blob"} 3')
  })

  test('a push of the same bytes heals; nobody mounts what is damaged', async () => {
    const [first = ''] = image.layers
    const bytes = new Uint8Array(layerBytes)
    // Into another repository of the organization, from the mirror's: the mount turns into an upload.
    const post = (path: string, init: RequestInit = {}) =>
      fetch(path.startsWith('http') ? path : `${kagami.url}${path}`, {
        method: 'POST',
        ...init,
        headers: { authorization: authorization(OWNER), 'content-type': 'application/octet-stream' },
      })
    const organization = repository.split('/')[0]
    const begun = await post(`/v2/${organization}/healed/blobs/uploads/?mount=${first}&from=${repository}`)
    expect(begun.status).toBe(202)
    const location = new URL(begun.headers.get('location') ?? '', kagami.url)
    location.searchParams.set('digest', first)
    expect((await post(location.href, { method: 'PUT', body: bytes })).status).toBe(201)
    const served = await inRegistry(`blobs/${first}`)
    expect(Buffer.from(await served.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true)
  })

  test('--repair fetches the rest anew from the upstream of the mirror', async () => {
    const found = await check({ repair: true })
    expect(found).toMatchObject({ state: 'done', repair: true, repaired: 3, missingCount: 0, corruptCount: 0 })
    for (const digest of [...image.layers, image.config]) {
      const bytes = await (await inRegistry(`blobs/${digest}`)).bytes()
      expect(`sha256:${new Bun.CryptoHasher('sha256').update(bytes).digest('hex')}`).toBe(digest)
    }
    expect(await statusOf(`manifests/${image.digest}`)).toBe(200)
  })

  test('a read that finds no object marks it, and the next pass of the mirror brings it again', async () => {
    const [first = ''] = image.layers
    rmSync(await fileOf(first))
    expect(await statusOf(`blobs/${first}`)).toBe(404)
    expect(await statusOf(`blobs/${first}`, 'HEAD')).toBe(404)
    const run = await kagami.call('POST', `/mirrors/${repository}/sync`, { login: OWNER, body: {} })
    const { run: begun } = JSON.parse(run.text) as { run: { id: string } }
    expect((await kagami.server.mirrors.wait(begun.id)).outcome).toBe('done')
    expect(await statusOf(`blobs/${first}`)).toBe(200)
    expect(await check()).toMatchObject({ missingCount: 0, corruptCount: 0 })
  })

  test('what no mirror has is told with why; a blob that a manifest names and its repository lacks is missing', async () => {
    const post = await fetch(
      `${kagami.url}/v2/${repository.split('/')[0]}/pushed/blobs/uploads/?digest=sha256:${'0'.repeat(64)}`,
      {
        method: 'POST',
        headers: { authorization: authorization(OWNER) },
        body: new Uint8Array(0),
      },
    )
    expect(post.status).toBe(400)
    const [layer = ''] = image.layers
    await query(`DELETE FROM repository_blobs WHERE digest = '${layer}' RETURNING digest`)
    await query('DELETE FROM mirrors RETURNING id')
    const found = await check({ repair: true })
    expect(found.missing).toMatchObject([{ kind: 'reference', digest: layer, why: 'no mirror has it: push it again' }])
    expect(found.missing[0]?.repositories[0]).toMatchObject({ name: repository })
  })
})
