// What a run does at the moment: told while it does it, to whoever looks at any server, and forgotten with its end.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Progress } from '../../../src/api/progress.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { MirrorEngine } from '../../../src/mirror/engine.ts'
import { createCurrentWork } from '../../../src/mirror/pass/current.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

const LAYER = 'a large layer '.repeat(100)

describeOnEachEngine('what a run does', (openFresh) => {
  let instance: MirrorInstance
  let upstream: MemoryRepository
  let aheadMs: number
  beforeEach(async () => {
    aheadMs = 0
    const clock = { now: () => new Date(systemClock.now().getTime() + aheadMs) }
    instance = await openMirrorInstance({ db: await openFresh(), intervalMs: 3_600_000, transfersPerRun: 2, clock })
    upstream = memoryRepository()
    instance.repositories.set('hub/app', upstream)
  })
  afterEach(() => instance.close())

  async function presentOf(engine: MirrorEngine): Promise<Progress | undefined> {
    const mirror = await engine.findByRepository('acme/dhi-app' as never)
    if (mirror === undefined) return undefined
    const end = new AbortController()
    for await (const moment of engine.watch(mirror.id, end.signal)) {
      end.abort()
      return moment
    }
    return undefined
  }

  test('each of its steps is told by its name, its tag and its size, and nothing once it has ended', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'], layers: [LAYER] })
    const signature = addImage(upstream, 'signature', { subject: image, layers: [`${LAYER} signed`] })
    const seen = new Map<string, Progress['current']>()
    upstream.before = async (call, of) => {
      const present = await presentOf(instance.engine)
      if (present?.outcome === 'running') seen.set(`${call} ${of}`, present.current)
    }
    const { mirrorId } = await instance.mirror('hub/app')
    const ofTag = { tag: parseTag('1'), digest: null, sizeBytes: null }
    const blobOf = ({ digest }: { digest: string }) =>
      JSON.parse(new TextDecoder().decode(upstream.manifests.get(digest)?.bytes)).layers[0]
    const [layer, attestation] = [blobOf(image), blobOf(signature)]
    expect(Object.fromEntries(seen)).toMatchObject({
      'listTags ': { doing: 'listing-tags', tag: null, digest: null, sizeBytes: null },
      'resolve 1': { ...ofTag, doing: 'looking-up-tag' },
      [`readManifest ${image.digest}`]: { ...ofTag, doing: 'reading-image', digest: image.digest },
      [`listReferrers ${image.digest}`]: { ...ofTag, doing: 'listing-attestations', tag: null, digest: image.digest },
      [`openBlob ${layer.digest}`]: { doing: 'copying-blob', tag: '1', digest: layer.digest, sizeBytes: layer.size },
      [`openBlob ${attestation.digest}`]: {
        ...{ doing: 'copying-attestation', tag: '1', digest: attestation.digest, sizeBytes: attestation.size },
      },
    })
    expect(await presentOf(instance.engine)).toMatchObject({ phase: 'ended', current: null })
    // One that has nothing to do looks, and ends.
    const end = new AbortController()
    const later: Progress[] = []
    const watched = (async () => {
      for await (const moment of instance.engine.watch(mirrorId, end.signal)) later.push(moment)
    })()
    // Of the run before: one that looks too late sees the new one alone.
    while (later.length === 0) await Bun.sleep(5)
    await instance.sync(mirrorId)
    while (later.at(-1)?.runId === later[0]?.runId || later.at(-1)?.phase !== 'ended') await Bun.sleep(5)
    end.abort()
    await watched
    for (const moment of later) if (moment.phase === 'ended') expect(moment.current).toBeNull()
  })

  test('another server tells it too, by what the run writes down of itself now and then', async () => {
    if (instance.db.engine === 'sqlite') return
    const image = addImage(upstream, 'one', { tags: ['1'], layers: [LAYER] })
    const [config, layer] = (() => {
      const { config, layers } = JSON.parse(new TextDecoder().decode(upstream.manifests.get(image.digest)?.bytes))
      return [config, layers[0]]
    })()
    const held = Promise.withResolvers<void>()
    const isHeld = Promise.withResolvers<void>()
    upstream.before = async (call, of) => {
      if (of === layer.digest && call === 'openBlob') {
        isHeld.resolve()
        await held.promise
      }
      if (of === config.digest && call === 'openBlob') {
        await isHeld.promise
        // Long enough since it was written down last.
        aheadMs += 5000
      }
    }
    const other = instance.anotherEngine()
    const request = { organization: 'acme', upstream: 'hub', repository: 'app', by: 'user:test' }
    const { mirror, run } = await instance.engine.start(request)
    const end = new AbortController()
    let told: Progress | undefined
    for await (const moment of other.watch(mirror.id, end.signal)) {
      told = moment
      if (moment.current !== null) end.abort()
    }
    expect(told).toMatchObject({
      ...{ runId: run.id, phase: 'copying' },
      current: { doing: 'copying-blob', tag: '1', digest: layer.digest, sizeBytes: layer.size },
    })
    held.resolve()
    expect((await instance.engine.wait(run.id)).outcome).toBe('done')
    expect(await presentOf(other)).toMatchObject({ phase: 'ended', current: null })
    const row = await instance.db.read.selectFrom('sync_runs').select('progress').where('id', '=', run.id).execute()
    expect(row).toEqual([{ progress: null }])
  })
})

test('of all that is under way the largest is told, then what began last, then what was last', () => {
  const work = createCurrentWork()
  expect(work.find()).toBeUndefined()
  const small = work.begin({ doing: 'copying-blob', sizeBytes: 10 })
  const large = work.begin({ doing: 'copying-blob', sizeBytes: 1000 })
  const publish = work.begin({ doing: 'publishing', tag: parseTag('1') })
  expect(work.find()).toEqual({ doing: 'copying-blob', tag: null, digest: null, sizeBytes: 1000 })
  large()
  expect(work.find()?.sizeBytes).toBe(10)
  small()
  const other = work.begin({ doing: 'publishing', tag: parseTag('2') })
  expect(work.find()?.tag).toBe('2')
  other()
  expect(work.find()?.tag).toBe('1')
  publish()
  expect(work.find()?.doing).toBe('publishing')
})
