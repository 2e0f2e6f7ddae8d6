/** Packages and vulnerabilities of one image, a page at a time, as the API tells them. */
import type { ImagePackage, ImagePackageList, ImageVulnerability, ImageVulnerabilityList } from '../api/images.ts'
import { listFindings, listPackages, listStatements } from '../db/content/image-lists.ts'
import type { ImageFindingRow, ImagePackageRow, RepositoryRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { cutPage } from '../lib/weighed-page.ts'
import type { Digest } from '../oci/digest.ts'
import type { ImageDeps } from './describe-image.ts'
import { choosePlatform, getImage } from './find-image.ts'
import type { StoredStatement } from './image-rows.ts'
import { type KnownImage, knownImage } from './image-state.ts'

interface Query {
  readonly reference: string
  readonly platform: string | undefined
  readonly q: string | undefined
  readonly after: string | undefined
  readonly limit: number
}

/** What is asked for, of the platform that is meant. @throws AppError NOT_FOUND */
export async function knownPlatform(
  { db }: ImageDeps,
  repository: RepositoryRow,
  o: Pick<Query, 'reference' | 'platform'>,
): Promise<KnownImage & { readonly digest: Digest }> {
  const image = await getImage(db.read, repository, o.reference)
  const chosen = (await choosePlatform(db.read, repository, image, o.platform)) ?? image
  const { digest, manifest } = chosen
  return { ...(await knownImage(db, repository, { digest, manifest, root: image.digest })), digest }
}

export async function listImagePackages(
  deps: ImageDeps,
  repository: RepositoryRow,
  o: Query,
): Promise<ImagePackageList> {
  const { row, contents, digest } = await knownPlatform(deps, repository, o)
  const [after, text] = [positionOf(o.after), o.q?.toLowerCase()]
  const rows =
    row === undefined ? [] : await listPackages(deps.db.read, Number(row.seq), { after, text, limit: o.limit + 1 })
  const { items, next } = cutPage(rows, o.limit, ({ position }) => String(position))
  return { digest, contents, packages: items.map(packageOf), next }
}

export async function listImageVulnerabilities(
  deps: ImageDeps,
  repository: RepositoryRow,
  o: Query & { readonly severity: string | undefined; readonly isOpen: boolean | undefined },
): Promise<ImageVulnerabilityList> {
  const { row, contents, digest, documents } = await knownPlatform(deps, repository, o)
  const { severity, isOpen, limit } = o
  const part = { after: positionOf(o.after), text: o.q?.toLowerCase(), severity, isOpen, limit: limit + 1 }
  const rows = row === undefined ? [] : await listFindings(deps.db.read, Number(row.seq), part)
  const { items, next } = cutPage(rows, limit, ({ position }) => String(position))
  const manifests = new Map(documents.map(({ blob, manifest }) => [blob, manifest]))
  const places = items.map(({ statement }) => statement)
  const statements = row === undefined ? new Map() : await listStatements(deps.db.read, Number(row.seq), places)
  return { digest, contents, vulnerabilities: items.map((one) => vulnerabilityOf(one, statements, manifests)), next }
}

function packageOf(row: ImagePackageRow): ImagePackage {
  const { name, version, type, purl, source, licence } = row
  return {
    name,
    version,
    type,
    purl: purl || null,
    source: source || null,
    licence: licence || null,
    sboms: JSON.parse(row.documents) as number[],
  }
}

function vulnerabilityOf(
  row: ImageFindingRow,
  statements: ReadonlyMap<number, string>,
  manifests: ReadonlyMap<Digest, Digest>,
): ImageVulnerability {
  const text = row.statement === null ? undefined : statements.get(row.statement)
  return {
    id: row.vulnerability,
    severity: row.severity as ImageVulnerability['severity'],
    score: row.score === '' ? null : Number(row.score),
    package: row.package,
    version: row.version || null,
    fixedIn: row.fixed_in || null,
    status: row.status as ImageVulnerability['status'],
    vex: text === undefined ? null : vexOf(JSON.parse(text) as StoredStatement, row.product, manifests),
    reports: JSON.parse(row.documents) as number[],
  }
}

function vexOf(
  one: StoredStatement,
  product: string,
  manifests: ReadonlyMap<Digest, Digest>,
): ImageVulnerability['vex'] {
  return {
    status: one.status as ImageVulnerability['status'],
    justification: one.justification ?? null,
    impact: one.impact ?? null,
    action: one.action ?? null,
    product,
    at: one.at || null,
    attestation: (one.document && manifests.get(one.document)) ?? null,
  }
}

/** @throws AppError INVALID_REQUEST: a list never begins anew because its cursor is not one */
function positionOf(after: string | undefined): number | undefined {
  if (after === undefined) return undefined
  if (/^\d{1,9}$/.test(after)) return Number(after)
  throw new AppError(
    'INVALID_REQUEST',
    `after: got ${JSON.stringify(after.slice(0, 80))}, want the \`next\` of the page before`,
  )
}
