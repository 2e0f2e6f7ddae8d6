import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  changedSelection,
  findCutoff,
  isSameSelection,
  type Selection,
  selectionSchema,
} from '../../../src/api/selection.ts'
import { chooseChildren, createTypeChooser, refuseOld, selectTags, typesOf } from '../../../src/mirror/pass/select.ts'
import type { Descriptor } from '../../../src/oci/descriptor.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { MediaType } from '../../../src/oci/media-types.ts'
import type { Tag } from '../../../src/oci/reference.ts'
import { compareTagAge, findTagVersion, findVersionRange, isInRange } from '../../../src/oci/tag-version.ts'

const TAGS = ['3', '3.10', '3.11', '3.12-slim', '3.12', '3.13-dev', '3.13', '3.14.0rc1', '4', 'latest'] as Tag[]

async function selected(selection: Selection, tags: readonly Tag[] = TAGS): Promise<string[]> {
  const leftOut = await selectTags(tags, selectionSchema.parse(selection))
  return tags.filter((tag) => !leftOut.has(tag))
}

describe('tags', () => {
  test.each<[Selection, string[]]>([
    [{}, TAGS],
    [{ tags: ['3.1*'] }, ['3.10', '3.11', '3.12-slim', '3.12', '3.13-dev', '3.13', '3.14.0rc1']],
    [{ tags: ['3.1*', '!*-*', '!*rc*'] }, ['3.10', '3.11', '3.12', '3.13']],
    [{ tags: ['!latest'] }, TAGS.slice(0, -1)],
    [{ tags: ['latest'], tagsRegex: ['3\\.1[23]'] }, ['3.12', '3.13', 'latest']],
    [{ semver: '>=3.11 <4' }, ['3.11', '3.12-slim', '3.12', '3.13-dev', '3.13']],
    [{ newest: 2 }, ['3.14.0rc1', '4']],
    [{ newest: 1, tags: ['3.*', '*-slim', 'latest'] }, ['3.12-slim', '3.14.0rc1', 'latest']],
    [{ newest: 2, tags: ['3.*'], semver: '<3.14' }, ['3.13-dev', '3.13']],
    [{ tags: ['none-such'] }, []],
  ])('%j takes %j', async (selection, tags) => {
    expect(await selected(selection)).toEqual(tags)
  })

  test('each one that is left out has the rule that leaves it out', async () => {
    const selection = { tags: ['3*', '!3'], semver: '>=3.11 <4', newest: 1 }
    expect(
      Object.fromEntries(await selectTags(['3', '3.10', '3.12', '3.13', 'latest', '3x'] as Tag[], selection)),
    ).toEqual({
      '3': 'not selected: left out by !3',
      '3.10': 'not selected: version 3.10.0 is not in >=3.11 <4',
      '3.12': 'not selected: not among the newest 1 of 3*',
      latest: 'not selected: matches none of 3*',
      '3x': 'not selected: its name is no version, wanted are >=3.11 <4',
    })
  })

  const tag = fc
    .tuple(
      fc.constantFrom('', 'v', 'app-'),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom('', '.1', '.10', '-slim', 'rc1'),
    )
    .map((parts) => parts.join('') as Tag)
  const tags = fc.uniqueArray(tag, { maxLength: 20 })
  const pattern = fc.constantFrom('*', '1*', 'v*', '*-slim', '[0-9]*', '!*rc*', '!v*')
  const selection = fc.record(
    {
      tags: fc.array(pattern, { minLength: 1, maxLength: 3 }),
      tagsRegex: fc.constantFrom<string[][]>(['(v|app-)?1.*']),
      semver: fc.constantFrom('>=2', '<5', '1.x || 10.x'),
      newest: fc.integer({ min: 1, max: 4 }),
    },
    { requiredKeys: [] },
  )

  test('any selection: what is taken passes every limit, and no more than the newest of each pattern', async () => {
    await fc.assert(
      fc.asyncProperty(tags, selection, async (names, limits) => {
        const taken = new Set(await selected(limits, names))
        const range = findVersionRange(limits.semver ?? '*')
        for (const name of taken) {
          const version = findTagVersion(name)
          if (limits.semver !== undefined) expect(version && range && isInRange(version, range)).toBe(true)
          if (limits.tags?.includes('!*rc*')) expect(name).not.toContain('rc')
        }
        const positives = (limits.tags ?? []).filter((one) => !one.startsWith('!'))
        const patterns = Math.max(1, positives.length + (limits.tagsRegex?.length ?? 0))
        if (limits.newest !== undefined) expect(taken.size).toBeLessThanOrEqual(limits.newest * patterns)
        // Of one pattern, nothing that is left out by its age is newer than what is taken.
        if (patterns === 1 && limits.newest !== undefined) {
          const candidates = await selected({ ...limits, newest: 1_000_000 }, names)
          const [oldest] = [...taken].sort(compareTagAge)
          for (const one of candidates) {
            if (!taken.has(one) && oldest !== undefined) expect(compareTagAge(one, oldest)).toBeLessThan(0)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test('any selection: the order of the list decides nothing, and a wider one takes no less', async () => {
    await fc.assert(
      fc.asyncProperty(tags, selection, async (names, limits) => {
        const taken = await selected(limits, names)
        expect(new Set(await selected(limits, [...names].reverse()))).toEqual(new Set(taken))
        const { newest: _, ...wider } = limits
        const more = new Set(await selected(wider, names))
        for (const name of taken) expect(more.has(name)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('many tags against heavy expressions leave others their turn', async () => {
    const many = Array.from({ length: 60_000 }, (_, i) => `${'a'.repeat(100)}${i}` as Tag)
    let turns = 0
    const selected = selectTags(many, { tagsRegex: ['(a{1,100}b?){1,2}.*', '(.*a.*){10}'] }).then(() => true)
    const turn = () => new Promise<false>((resolve) => setImmediate(() => resolve(false)))
    while (!(await Promise.race([selected, turn()]))) turns++
    expect(turns).toBeGreaterThan(1)
  })
})

describe('ages', () => {
  test('an age counts from now, a date is a date, and what nobody says is taken', () => {
    const now = new Date('2026-04-01T00:00:00Z')
    expect(findCutoff('31d', now)).toEqual(new Date('2026-03-01T00:00:00Z'))
    expect(findCutoff('2026-01-31', now)).toEqual(new Date('2026-01-31T00:00:00Z'))
    for (const bad of ['', 'soon', '2026', '2026-13-01', '1', '-3d']) expect(findCutoff(bad, now)).toBeUndefined()
    const cutoff = new Date('2026-03-01T00:00:00Z')
    expect(refuseOld('2026-02-28T23:59:59.000Z', cutoff, '31d')).toContain('newer than 31d')
    expect(refuseOld('2026-03-01T00:00:01.000Z', cutoff, '31d')).toBeUndefined()
    expect(refuseOld(null, cutoff, '31d')).toBeUndefined()
  })
})

describe('entries of an index', () => {
  const entry = (name: string, more: Partial<Descriptor> = {}): Descriptor => ({
    mediaType: MediaType.ociManifest,
    digest: digestOf(name),
    size: 1,
    ...more,
  })
  const image = (os: string, architecture: string, variant?: string) =>
    entry([os, architecture, variant].join('/'), { platform: { os, architecture, ...(variant && { variant }) } })
  const attestationOf = (of: Descriptor) =>
    entry(`attests ${of.digest}`, {
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': of.digest },
    })
  const [amd64, arm64, armv6, armv7, windows] = [
    image('linux', 'amd64'),
    image('linux', 'arm64', 'v8'),
    image('linux', 'arm', 'v6'),
    image('linux', 'arm', 'v7'),
    image('windows', 'amd64'),
  ] as const
  const plain = entry('chart')
  const all = [amd64, arm64, armv6, armv7, windows, plain]

  test.each([
    [['linux/amd64'], [amd64, plain]],
    [
      ['linux/x86_64', 'Linux/aarch64'],
      [amd64, arm64, plain],
    ],
    [['linux/arm'], [armv6, armv7, plain]],
    [
      ['linux/arm/v7', 'linux/arm64/v8'],
      [arm64, armv7, plain],
    ],
    [undefined, all],
  ])('%j', (platforms, chosen) => {
    expect(chooseChildren(all, platforms).chosen).toEqual(chosen as Descriptor[])
  })

  test('attestations follow what they attest; any choice keeps the order and loses nothing', () => {
    const entries = [
      amd64,
      attestationOf(amd64),
      arm64,
      attestationOf(arm64),
      entry('lone', { platform: { os: 'unknown', architecture: 'unknown' } }),
    ]
    const { chosen, leftOut } = chooseChildren(entries, ['linux/amd64'])
    expect(chosen).toEqual([amd64, attestationOf(amd64), entries[4] as Descriptor])
    expect(leftOut.map(({ child }) => child)).toEqual([arm64, attestationOf(arm64)])
    expect(leftOut[1]?.rule).toContain(`attests ${arm64.digest}`)
    const platforms = fc.uniqueArray(fc.constantFrom('linux/amd64', 'linux/arm64', 'linux/arm/v6', 'windows/amd64'), {
      minLength: 1,
    })
    const pool = [...all, ...all.slice(0, 5).map(attestationOf)]
    fc.assert(
      fc.property(fc.subarray(pool), platforms, (some, wanted) => {
        const choice = chooseChildren(some, wanted)
        const out = choice.leftOut.map(({ child }) => child)
        expect(some.filter((one) => !out.includes(one))).toEqual([...choice.chosen])
        for (const { digest, annotations } of choice.chosen) {
          const about = annotations?.['vnd.docker.reference.digest']
          if (about !== undefined) expect(out.some((one) => one.digest === about)).toBe(false)
          expect(out.some((one) => one.digest === digest)).toBe(false)
        }
      }),
    )
  })
})

test('referrers are chosen by artifact type or predicate type, by globs', () => {
  const isWanted = createTypeChooser(['application/spdx+json', 'https://slsa.dev/*'])
  expect(isWanted(typesOf({ artifactType: 'application/spdx+json' }))).toBe(true)
  const annotations = { 'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v1' }
  expect(isWanted(typesOf({ artifactType: 'application/vnd.in-toto+json', annotations }))).toBe(true)
  expect(isWanted(typesOf({ artifactType: 'application/vnd.in-toto+json' }))).toBe(false)
  expect(createTypeChooser([])(['application/spdx+json'])).toBe(false)
})

test('a change leaves the other limits, null takes one away, and null for all takes all', () => {
  const before: Selection = { tags: ['3.*'], newest: 3 }
  expect(changedSelection(before, { newest: null, semver: '^3' })).toEqual({ tags: ['3.*'], semver: '^3' })
  expect(changedSelection(before, undefined)).toEqual(before)
  expect(changedSelection(before, { tags: null, newest: null })).toBeUndefined()
  expect(changedSelection(before, null)).toBeUndefined()
  expect(isSameSelection({ newest: 3, tags: ['3.*'] }, before)).toBe(true)
  expect(isSameSelection(undefined, {})).toBe(true)
  expect(isSameSelection(before, {})).toBe(false)
})

test('whatever is sent is refused or works; nothing is thrown at anybody', async () => {
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constantFrom('', '*', '!', '[', '(', '1.x || ', '>=', '9999w', '-', '/', 'linux/', '𝕏'),
  )
  const list = fc.array(text, { maxLength: 3 })
  const anything = fc.record(
    {
      tags: list,
      tagsRegex: list,
      semver: text,
      newest: fc.oneof(fc.integer(), fc.double(), text),
      newerThan: text,
      platforms: list,
      referrers: list,
    },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(anything, async (sent) => {
      const { data } = selectionSchema.safeParse(sent)
      if (data === undefined) return
      expect(changedSelection(undefined, data) ?? {}).toEqual(data)
      await selectTags(TAGS, data)
      chooseChildren([], data.platforms)
      createTypeChooser(data.referrers ?? [])(['a/b'])
      if (data.newerThan !== undefined) expect(findCutoff(data.newerThan, new Date(0))?.toISOString()).toBeString()
    }),
    { numRuns: 1000 },
  )
})
