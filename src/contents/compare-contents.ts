/** What changed from one image of a repository to another: by what is known of both, so that nothing is read for it. */
import type { ImageComparison } from '../api/image-compare.ts'
import { listFindings, listPackages } from '../db/content/image-lists.ts'
import type { Queries } from '../db/engine/engine.ts'
import type { ImageFindingRow, ImagePackageRow, RepositoryRow } from '../db/schema.ts'
import { saturate } from '../lib/saturate.ts'
import { HARMLESS } from './apply-vex.ts'
import { type ImageDeps, ownSizes, readConfig } from './describe-image.ts'
import { choosePlatform, getImage } from './find-image.ts'
import { MAX_FINDINGS, MAX_PACKAGES } from './image-entries.ts'
import { type KnownImage, knownImage } from './image-state.ts'
import type { PlatformConfig } from './platform-config.ts'

/** Of one list: people read what changed, not a whole distribution. */
const MAX_LISTED = 500
const PAGE = 2000

type Changed = ImageComparison['packages']['changed'][number]
type Finding = ImageComparison['vulnerabilities']['fixed'][number]
type Value = ImageComparison['config'][number]

interface Side {
  readonly facts: ImageComparison['from']
  readonly known: KnownImage
  readonly config: PlatformConfig | undefined
}

/** @throws AppError NOT_FOUND, TAG_INVALID, DIGEST_INVALID */
export async function compareContents(
  deps: ImageDeps,
  repository: RepositoryRow,
  o: { readonly from: string; readonly to: string; readonly platform: string | undefined },
): Promise<ImageComparison> {
  const [from, to] = [
    await sideOf(deps, repository, o.from, o.platform),
    await sideOf(deps, repository, o.to, o.platform),
  ]
  const areKnown = (what: 'hasSbom' | 'hasReport') =>
    [from, to].every(({ known }) => known.contents.state === 'ready' && known.contents[what])
  return {
    from: from.facts,
    to: to.facts,
    isSame: from.facts.platformDigest === to.facts.platformDigest,
    packages: await comparePackages(deps.db.read, from, to, areKnown('hasSbom')),
    vulnerabilities: await compareFindings(deps.db.read, from, to, areKnown('hasReport')),
    config: changedValues(settingsOf(from.config), settingsOf(to.config)),
    env: changedValues(envOf(from.config), envOf(to.config)),
    labels: changedValues(
      new Map(Object.entries(from.config?.labels ?? {})),
      new Map(Object.entries(to.config?.labels ?? {})),
    ),
  }
}

async function sideOf(
  deps: ImageDeps,
  repository: RepositoryRow,
  reference: string,
  platform: string | undefined,
): Promise<Side> {
  const image = await getImage(deps.db.read, repository, reference)
  const chosen = (await choosePlatform(deps.db.read, repository, image, platform)) ?? { ...image, platform: '' }
  const { digest, manifest } = chosen
  const known = await knownImage(deps.db, repository, { digest, manifest, root: image.digest })
  const sizes = ownSizes(manifest, digest, chosen.sizeBytes)
  return {
    known,
    config: await readConfig(deps, repository.id, manifest),
    facts: {
      reference,
      digest: image.digest,
      platform: chosen.platform,
      platformDigest: digest,
      sizeBytes: saturate(sizes.reduce((sum, [, size]) => sum + size, 0)),
      layers: manifest.layers.length,
      contents: known.contents,
    },
  }
}

async function comparePackages(
  db: Queries,
  from: Side,
  to: Side,
  isKnown: boolean,
): Promise<ImageComparison['packages']> {
  const lists: Record<'added' | 'removed' | 'changed', Changed[]> = { added: [], removed: [], changed: [] }
  if (isKnown) {
    const [old, now] = [byName(await allPackages(db, from)), byName(await allPackages(db, to))]
    for (const key of [...new Set([...old.keys(), ...now.keys()])].sort()) {
      const [before, after] = [old.get(key), now.get(key)]
      const { name, type } = (after ?? before) as Named
      const gone = [...(before?.versions ?? [])].filter((version) => after?.versions.has(version) !== true).sort()
      const come = [...(after?.versions ?? [])].filter((version) => before?.versions.has(version) !== true).sort()
      for (let i = 0; i < Math.max(gone.length, come.length); i++) {
        const one = { name, type, from: gone[i] ?? null, to: come[i] ?? null }
        lists[one.from === null ? 'added' : one.to === null ? 'removed' : 'changed'].push(one)
      }
    }
  }
  return {
    isKnown,
    counts: { added: lists.added.length, removed: lists.removed.length, changed: lists.changed.length },
    added: lists.added.slice(0, MAX_LISTED),
    removed: lists.removed.slice(0, MAX_LISTED),
    changed: lists.changed.slice(0, MAX_LISTED),
  }
}

async function compareFindings(
  db: Queries,
  from: Side,
  to: Side,
  isKnown: boolean,
): Promise<ImageComparison['vulnerabilities']> {
  const lists: Record<'fixed' | 'suppressed' | 'new', Finding[]> = { fixed: [], suppressed: [], new: [] }
  let same = 0
  if (isKnown) {
    const [old, now] = [byFinding(await allFindings(db, from)), byFinding(await allFindings(db, to))]
    for (const [key, row] of old) {
      if (HARMLESS.has(row.status)) continue
      const after = now.get(key)
      if (after === undefined) lists.fixed.push(findingOf(row))
      else if (after.status === 'not_affected') lists.suppressed.push(findingOf(after))
      else if (after.status === 'fixed') lists.fixed.push(findingOf(after))
      else same++
    }
    for (const [key, row] of now) {
      const before = old.get(key)
      if (!HARMLESS.has(row.status) && (before === undefined || HARMLESS.has(before.status)))
        lists.new.push(findingOf(row))
    }
  }
  return {
    isKnown,
    counts: { fixed: lists.fixed.length, suppressed: lists.suppressed.length, new: lists.new.length, same },
    fixed: lists.fixed.slice(0, MAX_LISTED),
    suppressed: lists.suppressed.slice(0, MAX_LISTED),
    new: lists.new.slice(0, MAX_LISTED),
  }
}

async function allPackages(db: Queries, { known: { row } }: Side): Promise<ImagePackageRow[]> {
  return row === undefined ? [] : inPages(MAX_PACKAGES, (part) => listPackages(db, Number(row.seq), part))
}

async function allFindings(db: Queries, { known: { row } }: Side): Promise<ImageFindingRow[]> {
  return row === undefined ? [] : inPages(MAX_FINDINGS, (part) => listFindings(db, Number(row.seq), part))
}

async function inPages<T extends { readonly position: number }>(
  most: number,
  read: (part: { after: number | undefined; limit: number }) => Promise<T[]>,
): Promise<T[]> {
  const all: T[] = []
  for (let after: number | undefined; all.length < most; ) {
    const rows = await read({ after, limit: PAGE })
    for (const row of rows) all.push(row)
    after = rows.at(-1)?.position
    if (rows.length < PAGE) break
    // Queries of SQLite are settled at once: others have their turn between two pages.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return all
}

interface Named {
  readonly name: string
  readonly type: string
  readonly versions: Set<string>
}

/** A package may be there in several versions at once. */
function byName(rows: readonly ImagePackageRow[]): Map<string, Named> {
  const found = new Map<string, Named>()
  for (const { name, type, version } of rows) {
    const key = `${name}\0${type}`
    const named = found.get(key) ?? { name, type, versions: new Set() }
    named.versions.add(version)
    found.set(key, named)
  }
  return found
}

function byFinding(rows: readonly ImageFindingRow[]): Map<string, ImageFindingRow> {
  return new Map(rows.map((row) => [`${row.term}\0${row.package}`, row]))
}

function findingOf(row: ImageFindingRow): Finding {
  return {
    id: row.vulnerability,
    severity: row.severity as Finding['severity'],
    package: row.package,
    status: row.status as Finding['status'],
    fixedIn: row.fixed_in || null,
  }
}

function settingsOf(config: PlatformConfig | undefined): Map<string, string> {
  if (config === undefined) return new Map()
  const lists = { Entrypoint: config.entrypoint, Cmd: config.cmd, ExposedPorts: config.ports, Volumes: config.volumes }
  const texts = { User: config.user, WorkingDir: config.workingDir, StopSignal: config.stopSignal }
  return new Map([
    ...Object.entries(texts).flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const])),
    ...Object.entries(lists).flatMap(([name, list]) =>
      list.length === 0 ? [] : [[name, JSON.stringify(list)] as const],
    ),
  ])
}

function envOf(config: PlatformConfig | undefined): Map<string, string> {
  return new Map(
    (config?.env ?? []).map((one) => {
      const at = one.indexOf('=')
      return at === -1 ? [one, ''] : [one.slice(0, at), one.slice(at + 1)]
    }),
  )
}

function changedValues(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Value[] {
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((name) => {
    const [from, to] = [before.get(name) ?? null, after.get(name) ?? null]
    return from === to ? [] : [{ name, from, to }]
  })
}
