// Invariants 1 to 3: nothing unfinished is seen, nobody gets bytes by naming a digest, and what was fetched survives an end.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { claimLease } from '../../src/db/platform/leases.ts'
import { AppError } from '../../src/errors.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'
import { addImage, addIndex } from './small-images.ts'

let instance: MirrorInstance
let upstream: MemoryRepository
beforeEach(async () => {
  instance = await openMirrorInstance()
  upstream = memoryRepository()
  instance.repositories.set('hub/app', upstream)
})
afterEach(() => instance.close())

const opened = (repository: MemoryRepository, content: string) =>
  repository.calls.filter(({ call, of }) => call === 'openBlob' && of === digestOf(content)).length

describe('stored once, proven per reader (invariant 2)', () => {
  const secret = 'the bytes of another organization'

  async function holdElsewhere(): Promise<void> {
    await instance.addOrganization('rival')
    await instance.addUpstream('vault')
    const vault = memoryRepository()
    addImage(vault, 'secret', { tags: ['1'], layers: [secret] })
    instance.repositories.set('vault/secret', vault)
    const { run } = await instance.engine.start({
      organization: 'rival',
      upstream: 'vault',
      repository: 'secret',
      by: 'user:x',
    })
    expect((await instance.engine.wait(run.id)).outcome).toBe('done')
  }

  test('a manifest that names a layer of another organization gets nothing: upstream has to give the bytes', async () => {
    await holdElsewhere()
    addImage(upstream, 'thief', { tags: ['1'], layers: [secret] })
    upstream.blobs.delete(digestOf(secret))
    const { run, mirrorId } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures[0]?.digest]).toEqual(['failed', digestOf(secret)])
    const reader = await instance.reader('acme/dhi-app')
    const blob = { digest: digestOf(secret) as Digest, size: secret.length, mediaType: 'application/octet-stream' }
    expect(reader.openBlob(blob)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
    // With the bytes it is fetched, and stored once.
    upstream.blobs.set(digestOf(secret), new TextEncoder().encode(secret))
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect(opened(upstream, secret)).toBe(2)
    const rows = await instance.db.read.selectFrom('blobs').selectAll().where('digest', '=', digestOf(secret)).execute()
    expect(rows.length).toBe(1)
  })

  test('nor does it get what a private repository of the same organization holds from another source', async () => {
    await instance.addUpstream('team')
    const team = memoryRepository()
    addImage(team, 'private', { tags: ['1'], layers: [secret] })
    instance.repositories.set('team/private', team)
    expect((await instance.mirror('team/private')).run.outcome).toBe('done')
    addImage(upstream, 'thief', { tags: ['1'], layers: [secret] })
    upstream.blobs.delete(digestOf(secret))
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures[0]?.digest]).toEqual(['failed', digestOf(secret)])
  })

  test('another mirror of the same organization, address and credential links without transfer; another credential fetches', async () => {
    addImage(upstream, 'one', { tags: ['1'], layers: [secret] })
    await instance.mirror('hub/app')
    const other = memoryRepository()
    addImage(other, 'two', { tags: ['1'], layers: [secret] })
    instance.repositories.set('hub/other', other)
    expect((await instance.mirror('hub/other')).run.outcome).toBe('done')
    expect(opened(other, secret)).toBe(0)
    await instance.addUpstream('hub2', { url: 'https://hub.example', username: 'robot' })
    instance.repositories.set('hub2/other', other)
    expect((await instance.mirror('hub2/other', 'third')).run.outcome).toBe('done')
    expect(opened(other, secret)).toBe(1)
  })

  test('a layer that many images share is fetched once', async () => {
    for (const name of ['a', 'b', 'c', 'd']) addImage(upstream, name, { tags: [name], layers: [secret] })
    expect((await instance.mirror('hub/app')).run.outcome).toBe('done')
    expect(opened(upstream, secret)).toBe(1)
  })

  test('two mirrors that run at once fetch a shared layer once', async () => {
    const other = memoryRepository()
    addImage(upstream, 'one', { tags: ['1'], layers: [secret] })
    addImage(other, 'two', { tags: ['1'], layers: [secret] })
    instance.repositories.set('hub/other', other)
    const results = await Promise.all([instance.mirror('hub/app'), instance.mirror('hub/other')])
    expect(results.map(({ run }) => run.outcome)).toEqual(['done', 'done'])
    expect(opened(upstream, secret) + opened(other, secret)).toBe(1)
  })
})

describe('runs that end early (invariants 1 and 3)', () => {
  const start = { organization: 'acme', upstream: 'hub', repository: 'app', by: 'user:test' }

  /** Lets `calls` answers through, then hangs until the run is aborted. */
  function hangAfter(calls: number): Promise<void> {
    const reached = Promise.withResolvers<void>()
    let left = calls
    upstream.before = (_call, _of, signal) => {
      if (left-- > 0) return
      reached.resolve()
      return new Promise((_, reject) => {
        if (signal?.aborted) reject(signal.reason)
        signal?.addEventListener('abort', () => reject(signal.reason))
      })
    }
    return reached.promise
  }

  async function expectOnlyWholeTags(): Promise<void> {
    const reader = await instance.reader('acme/dhi-app')
    for await (const { tag } of reader.listTags()) {
      const root = await reader.resolve({ tag })
      const manifest = root && (await reader.readManifest(root))
      if (manifest === undefined) throw new Error(`${tag} is served without its manifest`)
      const index = JSON.parse(new TextDecoder().decode(manifest.bytes)) as { manifests: { digest: Digest }[] }
      for (const { digest } of index.manifests) {
        const child = await reader.resolve({ digest })
        const found = child && (await reader.readManifest(child))
        if (child === undefined || found === undefined) throw new Error(`${tag} is served without its child ${digest}`)
        const { layers } = JSON.parse(new TextDecoder().decode(found.bytes)) as { layers: (typeof child)[] }
        for (const layer of layers) await (await reader.openBlob(layer)).stream.cancel()
        const list = await reader.listReferrers(child)
        if (list === 'unchanged') throw new Error('nothing was known')
        const referrers = await Array.fromAsync(list.items)
        expect(referrers.length).toBe(1)
      }
    }
  }

  function fill(): void {
    for (const name of ['a', 'b', 'c']) {
      const children = ['amd64', 'arm64'].map((platform) =>
        addImage(upstream, `${name} ${platform}`, { layers: ['base', `${name}${platform}`] }),
      )
      for (const child of children) addImage(upstream, `attestation of ${child.digest}`, { subject: child })
      addIndex(upstream, children, [name, `${name}.0`])
    }
  }

  test('ended at any point nothing half is served, and the next run of a new process converges', async () => {
    fill()
    const first = await instance.engine.start(start)
    await instance.engine.wait(first.run.id)
    const total = upstream.calls.length
    await instance.close()
    for (let calls = 3; calls < total; calls += 7) {
      instance = await openMirrorInstance()
      instance.repositories.set('hub/app', upstream)
      const reached = hangAfter(calls)
      const { mirror, run } = await instance.engine.start(start)
      await reached
      await instance.engine.close()
      const ended = await instance.db.read
        .selectFrom('sync_runs')
        .selectAll()
        .where('id', '=', run.id)
        .executeTakeFirstOrThrow()
      expect([ended.outcome, ended.failures]).toEqual(['failed', expect.stringContaining('shut down')])
      await expectOnlyWholeTags()
      upstream.before = () => {}
      const next = instance.anotherEngine()
      await next.resume({ isAlone: true })
      const again = await next.sync(mirror.id)
      expect((await next.wait(again.run.id)).outcome).toBe('done')
      await expectOnlyWholeTags()
      expect((await next.show(mirror.id)).tags).toMatchObject({ total: 6, published: 6, failed: 0 })
      await instance.close()
    }
    instance = await openMirrorInstance()
  })

  test('a run whose process died is ended at the next boot, and its mirror runs again by itself', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const reached = hangAfter(4)
    const { mirror, run } = await instance.engine.start(start)
    await reached
    // The dead process: its lease is held, its run is `running`, nobody will ever end it.
    upstream.before = () => {}
    const next = instance.anotherEngine()
    await next.resume({ isAlone: true })
    const dead = (await next.runs(mirror.id, { limit: 10 })).runs.find(({ id }) => id === run.id)
    expect([dead?.outcome, dead?.failures[0]?.message]).toEqual([
      'failed',
      expect.stringContaining('ended during this run'),
    ])
    const watching = new AbortController()
    for await (const moment of next.watch(mirror.id, watching.signal)) {
      if (moment.phase === 'ended' && moment.runId !== run.id) {
        expect(moment.outcome).toBe('done')
        watching.abort()
      }
    }
    expect((await next.show(mirror.id)).state).toBe('active')
  })

  test('a run that lost its lease publishes nothing: its generation is fenced off', async () => {
    const one = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    addImage(upstream, 'two', { tags: ['1'] })
    upstream.before = async (call) => {
      if (call !== 'openBlob') return
      upstream.before = () => {}
      // Another process takes over in the middle: this one's time was up.
      await instance.db.write(async (tx) => {
        await tx.updateTable('leases').set({ expires_at: '2000-01-01T00:00:00.000Z' }).execute()
        const lease = { key: `mirror:${mirrorId}`, holder: 'another', now: new Date().toISOString() }
        await claimLease(tx, { ...lease, expiresAt: '2999-01-01T00:00:00.000Z' })
      })
    }
    const run = await instance.sync(mirrorId)
    expect([run.outcome, run.failures[0]?.message]).toEqual(['failed', expect.stringContaining('lost its lease')])
    const reader = await instance.reader('acme/dhi-app')
    for await (const { digest } of reader.listTags()) expect(String(digest)).toBe(one.digest)
  })

  test('a run whose end could not be written down is ended by the next one', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const { run, mirrorId } = await instance.mirror('hub/app')
    await instance.db.write((tx) =>
      tx.updateTable('sync_runs').set({ outcome: 'running', ended_at: null }).where('id', '=', run.id).execute(),
    )
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    const earlier = await instance.engine.wait(run.id)
    expect([earlier.outcome, earlier.failures.map(({ code }) => code)]).toEqual(['failed', ['INTERNAL']])
    expect((await instance.engine.show(mirrorId)).state).toBe('active')
  })

  test('a download that broke off goes on where it ended, in the next run too', async () => {
    const layer = new Uint8Array(300_000).map((_, i) => (i * 7) % 251)
    addImage(upstream, 'one', { tags: ['1'], layers: [layer] })
    const offsets: number[] = []
    const reader = upstream.reader()
    let isBroken = true
    instance.repositories.set('hub/app', {
      ...upstream,
      reader: () => ({
        ...reader,
        async openBlob(blob, o) {
          const body = await reader.openBlob(blob, o)
          if (blob.size !== layer.byteLength) return body
          offsets.push(o?.offset ?? 0)
          if (!isBroken) return body
          const part = layer.subarray(body.offset, body.offset + 70_000)
          return { ...body, stream: thenReset(offsets.length < 3 ? part : new Uint8Array()) }
        },
      }),
    })
    const { run, mirrorId } = await instance.mirror('hub/app')
    // A body without a byte may be a stumble: of a small blob it is asked for twice more.
    expect([run.outcome, offsets]).toEqual(['failed', [0, 70_000, 140_000, 140_000, 140_000]])
    isBroken = false
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect(offsets).toEqual([0, 70_000, 140_000, 140_000, 140_000, 140_000])
  })
})

/** The bytes, then a reset. */
function thenReset(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let isGiven = bytes.byteLength === 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (isGiven) controller.error(new AppError('UPSTREAM_UNAVAILABLE', 'the connection was reset'))
      else controller.enqueue(bytes)
      isGiven = true
    },
  })
}
