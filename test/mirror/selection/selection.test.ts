// Mirrors that take a part of their upstream, on real storage; what upstream was asked for is counted.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Selection, SelectionChange } from '../../../src/api/selection.ts'
import { AppError } from '../../../src/errors.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { MediaType } from '../../../src/oci/media-types.ts'
import type { Tag } from '../../../src/oci/reference.ts'
import type { RepositoryReader } from '../../../src/oci/repository.ts'
import { type Call, type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addBlob, addImage, addIndex, type Made, putManifest } from '../small-images.ts'

let instance: MirrorInstance
let upstream: MemoryRepository
beforeEach(async () => {
  instance = await openMirrorInstance()
  upstream = memoryRepository()
  instance.repositories.set('hub/app', upstream)
})
afterEach(() => instance.close())

async function start(selection: Selection) {
  const request = { organization: 'acme', upstream: 'hub', repository: 'app', by: 'user:ann', settings: { selection } }
  const { mirror, run } = await instance.engine.start(request)
  return { mirrorId: mirror.id, run: await instance.engine.wait(run.id) }
}

const change = (mirrorId: string, selection: SelectionChange | null) =>
  instance.engine.change(mirrorId, { selection }, 'user:ann')

async function tagsHere(): Promise<Record<string, string>> {
  const tags: Record<string, string> = {}
  for await (const { tag, digest } of (await instance.reader('acme/dhi-app')).listTags()) tags[tag] = String(digest)
  return tags
}

async function isHere({ digest }: Made): Promise<boolean> {
  const reader: RepositoryReader = await instance.reader('acme/dhi-app')
  return (await reader.readManifest({ digest: digest as Digest })) !== undefined
}

async function statesOf(mirrorId: string): Promise<Record<string, string>> {
  const rows = await instance.db.read.selectFrom('mirror_tags').selectAll().where('mirror_id', '=', mirrorId).execute()
  return Object.fromEntries(rows.sort((a, b) => (a.tag < b.tag ? -1 : 1)).map(({ tag, state }) => [tag, state]))
}

const asked = (call: Call) => upstream.calls.filter((one) => one.call === call).map(({ of }) => of)

const on = (made: Made, os: string, architecture: string) => ({ ...made, platform: { os, architecture } })

function attestationIn(of: Made) {
  const made = addImage(upstream, `BuildKit's of ${of.digest}`)
  const annotations = { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': of.digest }
  return { ...made, platform: { os: 'unknown', architecture: 'unknown' }, annotations }
}

function addReferrer(name: string, subject: Made, artifactType: string, predicateType?: string): Made {
  const config = addBlob(upstream, '{}', MediaType.ociEmpty)
  const statement = addBlob(upstream, name, 'application/vnd.in-toto+json')
  const annotations = predicateType === undefined ? undefined : { 'in-toto.io/predicate-type': predicateType }
  const layers = [{ ...statement, annotations }]
  return putManifest(upstream, MediaType.ociManifest, { artifactType, config, layers, subject }, [])
}

describe('tags', () => {
  test('upstream is asked for the selected ones alone, and only they come, whatever else names their digest', async () => {
    const image = addImage(upstream, 'one', { tags: ['3', '3.13', '3.13.2', 'latest'] })
    addImage(upstream, 'old', { tags: ['2.7', '2'] })
    const { mirrorId, run } = await start({ tags: ['3.*'] })
    expect([run.outcome, run.failures, run.counts.tagsMoved]).toEqual(['done', [], 2])
    expect(await tagsHere()).toEqual({ '3.13': image.digest, '3.13.2': image.digest })
    expect(asked('resolve')).toEqual(['3.13', '3.13.2'])
    const { tags, selection } = await instance.engine.show(mirrorId)
    expect([tags.total, tags.published, tags.unselected, tags.retained]).toEqual([2, 2, 4, 0])
    expect(selection).toEqual({ tags: ['3.*'] })
    expect(await statesOf(mirrorId)).toEqual({
      '2': 'unselected',
      '2.7': 'unselected',
      '3': 'unselected',
      '3.13': 'synced',
      '3.13.2': 'synced',
      latest: 'unselected',
    })
  })

  test('what falls out stays, is not updated, and says so; taken again it follows', async () => {
    const one = addImage(upstream, 'one', { tags: ['1', '2'] })
    const { mirrorId } = await start({})
    const narrowed = await change(mirrorId, { tags: ['2'] })
    expect(narrowed.selection).toEqual({ tags: ['2'] })
    const two = addImage(upstream, 'two', { tags: ['1', '2'] })
    await instance.sync(mirrorId)
    expect(await tagsHere()).toEqual({ '1': one.digest, '2': two.digest })
    expect(await statesOf(mirrorId)).toEqual({ '1': 'retained', '2': 'synced' })
    const { tags } = await instance.engine.show(mirrorId)
    expect([tags.total, tags.published, tags.retained]).toEqual([1, 1, 1])
    expect((await change(mirrorId, null)).selection).toEqual({})
    await instance.sync(mirrorId)
    expect(await tagsHere()).toEqual({ '1': two.digest, '2': two.digest })
  })

  test('one that upstream loses and that was never taken is forgotten; one that was taken is kept as ever', async () => {
    addImage(upstream, 'one', { tags: ['1', '2', '3'] })
    const { mirrorId } = await start({ tags: ['1', '2'] })
    for (const tag of ['2', '3']) upstream.tags.delete(tag)
    await instance.sync(mirrorId)
    expect(await statesOf(mirrorId)).toEqual({ '1': 'synced', '2': 'absent' })
  })

  test('naming one does not select it: the run says what leaves it out', async () => {
    addImage(upstream, 'one', { tags: ['1', '2'] })
    const { mirrorId } = await start({ tags: ['1'] })
    const { run } = await instance.engine.sync(mirrorId, { only: new Set(['2' as Tag]) })
    const { outcome, failures } = await instance.engine.wait(run.id)
    expect([outcome, failures[0]?.tag, failures[0]?.message]).toEqual([
      'failed',
      '2',
      expect.stringContaining('matches none of 1'),
    ])
    expect(await tagsHere()).toHaveProperty('1')
    expect(await tagsHere()).not.toHaveProperty('2')
  })

  test('images that are too old are left out by annotation or config, asked for once; unknown ages are taken', async () => {
    const created = '2026-01-01T00:00:00Z'
    const config = (name: string, more: object) =>
      addBlob(upstream, JSON.stringify({ architecture: 'amd64', os: 'linux', name, ...more }), MediaType.ociConfig)
    const add = (name: string, inConfig: object, annotations?: object) => {
      const layers = [addBlob(upstream, name, MediaType.ociLayerGzip)]
      return putManifest(upstream, MediaType.ociManifest, { config: config(name, inConfig), layers, annotations }, [
        name,
      ])
    }
    add('old', { created })
    add('old-by-annotation', { created: '2026-03-01T00:00:00Z' }, { 'org.opencontainers.image.created': created })
    add('new', { created: '2026-03-01T00:00:00Z' })
    add('unknown', {})
    add('reproducible', { created: '1970-01-01T00:00:00Z' })
    const inside = add('child', { created })
    addIndex(upstream, [on(inside, 'linux', 'amd64')], ['old-index'])
    const { mirrorId, run } = await start({ newerThan: '2026-02-01', tags: ['!child'] })
    expect(run.outcome).toBe('done')
    expect(Object.keys(await tagsHere())).toEqual(['new', 'reproducible', 'unknown'])
    upstream.calls.length = 0
    await instance.sync(mirrorId)
    await instance.sync(mirrorId)
    expect([asked('readManifest'), asked('openBlob'), asked('resolve').length]).toEqual([[], [], 12])
    // What is known of a digest that no tag has any more is forgotten: an upstream that moves its tags for years fills nothing.
    const facts = () => instance.db.read.selectFrom('mirror_facts').select('digest').execute()
    const before = await facts()
    for (const release of ['one', 'two', 'three']) {
      addImage(upstream, `moved to ${release}`, { tags: ['old', 'new'] })
      expect((await instance.sync(mirrorId)).outcome).toBe('done')
    }
    expect([before.length, (await facts()).length]).toEqual([6, 5])
    await change(mirrorId, { newerThan: null, tags: null })
    await instance.sync(mirrorId)
    expect(Object.keys(await tagsHere())).toHaveLength(7)
  })
})

describe('platforms', () => {
  test('the index stays as it is; of the others nothing is fetched, and nothing is a failure', async () => {
    const [amd64, arm64] = [addImage(upstream, 'amd64'), addImage(upstream, 'arm64')]
    const [of64, ofArm] = [attestationIn(amd64), attestationIn(arm64)]
    const index = addIndex(upstream, [on(amd64, 'linux', 'amd64'), on(arm64, 'linux', 'arm64'), of64, ofArm], ['1'])
    const [about64, aboutArm] = [addReferrer('64', amd64, 'a/b'), addReferrer('arm', arm64, 'a/b')]
    const signature = addImage(upstream, 'signature', { tags: [`${arm64.digest.replace(':', '-')}.sig`] })
    const { mirrorId, run } = await start({ platforms: ['linux/amd64'] })
    expect([run.outcome, run.failures, run.counts.failed]).toEqual(['done', [], 0])
    const reader = await instance.reader('acme/dhi-app')
    const served = await reader.readManifest({ digest: index.digest as Digest })
    expect(served?.bytes).toEqual(upstream.manifests.get(index.digest)?.bytes as Uint8Array)
    expect(await Promise.all([amd64, of64, about64].map(isHere))).toEqual([true, true, true])
    expect(await Promise.all([arm64, ofArm, aboutArm, signature].map(isHere))).toEqual([false, false, false, false])
    const unwanted: string[] = [arm64, ofArm, aboutArm, signature].map(({ digest }) => digest)
    expect(upstream.calls.filter(({ of }) => unwanted.includes(of))).toEqual([])
    // A full check asks for them no more than the first pass.
    await instance.sync(mirrorId, { full: true })
    expect(upstream.calls.filter(({ of }) => unwanted.includes(of))).toEqual([])
    const { tags } = await instance.engine.show(mirrorId)
    expect([tags.total, tags.published, tags.unselected]).toEqual([1, 1, 1])

    // Widened, the next pass brings what was left out, of the index that is served already.
    await change(mirrorId, { platforms: ['linux/amd64', 'linux/arm64'] })
    upstream.blobs.delete(
      JSON.parse(new TextDecoder().decode(upstream.manifests.get(arm64.digest)?.bytes)).layers[0].digest,
    )
    const lacking = await instance.sync(mirrorId)
    expect([lacking.outcome, await isHere(arm64)]).toEqual(['partial', false])
    addBlob(upstream, 'layer of arm64', MediaType.ociLayerGzip)
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect(await Promise.all([arm64, ofArm, aboutArm, signature].map(isHere))).toEqual([true, true, true, true])
  })

  test('narrowed, what is here stays, and is not asked for again', async () => {
    const [amd64, arm64] = [addImage(upstream, 'amd64'), addImage(upstream, 'arm64')]
    addIndex(upstream, [on(amd64, 'linux', 'amd64'), on(arm64, 'linux', 'arm64'), attestationIn(arm64)], ['1'])
    const { mirrorId } = await start({})
    await change(mirrorId, { platforms: ['linux/amd64'] })
    upstream.calls.length = 0
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect(await isHere(arm64)).toBe(true)
    expect(upstream.calls.filter(({ of }) => of === arm64.digest)).toEqual([])
  })

  test('an index that has none of them is not taken, and an image without index is', async () => {
    const windows = addImage(upstream, 'windows')
    addIndex(upstream, [on(windows, 'windows', 'amd64')], ['nano'])
    addImage(upstream, 'plain', { tags: ['plain'] })
    const { mirrorId, run } = await start({ platforms: ['linux/amd64'] })
    expect(run.outcome).toBe('done')
    expect(Object.keys(await tagsHere())).toEqual(['plain'])
    expect(await statesOf(mirrorId)).toEqual({ nano: 'unselected', plain: 'synced' })
    expect(asked('readManifest')).not.toContain(windows.digest)
  })
})

describe('referrers', () => {
  const IN_TOTO = 'application/vnd.in-toto+json'

  test('by predicate type, with all that hangs on a chosen one; each is looked into once', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    const provenance = addReferrer('provenance', image, IN_TOTO, 'https://slsa.dev/provenance/v1')
    const sbom = addReferrer('sbom', image, IN_TOTO, 'https://spdx.dev/Document')
    const [signed, unsigned] = [addReferrer('s', provenance, 'app/sig'), addReferrer('t', sbom, 'app/sig')]
    const { mirrorId, run } = await start({ referrers: ['https://slsa.dev/*'] })
    expect([run.outcome, run.failures]).toEqual(['done', []])
    expect(await Promise.all([provenance, signed].map(isHere))).toEqual([true, true])
    expect(await Promise.all([sbom, unsigned].map(isHere))).toEqual([false, false])
    expect(asked('readManifest').filter((of) => of === provenance.digest)).toHaveLength(1)
    upstream.calls.length = 0
    // Also where a list was not asked for, or is told to be unchanged, and does not name what was left out.
    for (const full of [false, false, true, false]) await instance.sync(mirrorId, { full })
    expect(asked('readManifest')).toEqual([])
    await change(mirrorId, { referrers: ['https://*'] })
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect(await Promise.all([sbom, unsigned].map(isHere))).toEqual([true, true])
  })

  test('by artifact type, or none at all', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    const [sbom, other] = [addReferrer('sbom', image, 'application/spdx+json'), addReferrer('other', image, 'a/b')]
    const { mirrorId } = await start({ referrers: [] })
    expect(await Promise.all([image, sbom, other].map(isHere))).toEqual([true, false, false])
    expect(asked('readManifest')).toEqual([image.digest])
    await change(mirrorId, { referrers: ['*spdx*'] })
    await instance.sync(mirrorId)
    expect(await Promise.all([sbom, other].map(isHere))).toEqual([true, false])
  })

  test('one that cannot be looked into holds its image back: nobody knows whether it is wanted', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    const statement = addReferrer('sbom', image, IN_TOTO, 'https://spdx.dev/Document')
    upstream.before = (call, of) => {
      if (call === 'readManifest' && of === statement.digest) throw new AppError('UPSTREAM_UNAVAILABLE', 'down')
    }
    const { mirrorId, run } = await start({ referrers: ['https://slsa.dev/*'] })
    expect([run.outcome, await tagsHere()]).toEqual(['failed', {}])
    upstream.before = () => {}
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect([Object.keys(await tagsHere()), await isHere(statement)]).toEqual([['1'], false])
  })
})

describe('a change', () => {
  test('is due at once, as a full check, also when it comes while a pass by the one before is under way', async () => {
    const [amd64, arm64] = [addImage(upstream, 'amd64'), addImage(upstream, 'arm64')]
    addIndex(upstream, [on(amd64, 'linux', 'amd64'), on(arm64, 'linux', 'arm64')], ['1'])
    const { mirrorId } = await start({ platforms: ['linux/amd64'] })
    const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    upstream.before = (call) => {
      if (call !== 'listTags') return
      reached.resolve()
      return go.promise
    }
    const { run } = await instance.engine.sync(mirrorId, { full: true })
    await reached.promise
    await change(mirrorId, null)
    go.resolve()
    await instance.engine.wait(run.id)
    const row = await instance.db.read.selectFrom('mirrors').selectAll().executeTakeFirstOrThrow()
    expect([row.full_due, Date.parse(row.next_run_at ?? '') <= Date.now()]).toEqual([1, true])
    const lists = await instance.db.read.selectFrom('mirror_subjects').selectAll().execute()
    expect(lists).toEqual([])
    await instance.sync(mirrorId)
    expect(await isHere(arm64)).toBe(true)
    const after = await instance.db.read.selectFrom('mirrors').selectAll().executeTakeFirstOrThrow()
    expect(after.full_due).toBe(0)
  })

  test('another setting leaves the selection and what is known', async () => {
    addImage(upstream, 'one', { tags: ['1', '2'] })
    const { mirrorId } = await start({ tags: ['1'] })
    await instance.engine.change(mirrorId, { schedule: { every: '1h' } }, 'user:ann')
    const row = await instance.db.read.selectFrom('mirrors').selectAll().executeTakeFirstOrThrow()
    expect([row.full_due, (await instance.engine.show(mirrorId)).selection]).toEqual([0, { tags: ['1'] }])
  })
})

test('a dry run shows what is left out, with the rule, before the start and after', async () => {
  const [amd64, arm64] = [addImage(upstream, 'amd64'), addImage(upstream, 'arm64')]
  addIndex(upstream, [on(amd64, 'linux', 'amd64'), on(arm64, 'linux', 'arm64')], ['3.13', '3.12'])
  const sbom = addReferrer('sbom', amd64, 'application/spdx+json')
  addImage(upstream, 'old', { tags: ['2.7'] })
  const selection = { semver: '>=3', platforms: ['linux/amd64'], referrers: [] }
  const request = { organization: 'acme', upstream: 'hub', repository: 'app', settings: { selection } }
  const before = await instance.engine.planStart(request)
  const reasonOf = (plan: typeof before, of: string) => {
    const { action, reason } = plan.items.find(({ tag, digest }) => tag === of || (tag === null && digest === of)) ?? {}
    return [action, reason]
  }
  const { mirrorId } = await start(selection)
  for (const plan of [before, await instance.engine.planSync(mirrorId)]) {
    expect(reasonOf(plan, '2.7')).toEqual(['skip', 'not selected: version 2.7.0 is not in >=3'])
    expect(reasonOf(plan, arm64.digest)).toEqual(['skip', expect.stringContaining('linux/arm64 is not chosen')])
    expect(reasonOf(plan, sbom.digest)).toEqual(['skip', expect.stringContaining('spdx+json is not chosen')])
    const { tagsUnselected, platformsLeftOut, referrersLeftOut } = plan.totals
    expect([tagsUnselected, platformsLeftOut, referrersLeftOut]).toEqual([1, 1, 1])
  }
  await change(mirrorId, { semver: '>=3.13' })
  const after = await instance.engine.planSync(mirrorId)
  expect(reasonOf(after, '3.12')).toEqual(['retain', expect.stringContaining('it stays as it is')])
})
