/** `kagami-bundle.json`: what a bundle holds, and all that somebody needs who has only what it leaves out. */
import { moveCauseSchema } from '../../api/history.ts'
import { visibilitySchema } from '../../api/repositories.ts'
import { digestSchema, timeSchema, z } from '../../api/schema.ts'
import { invalid, type LayoutFiles, parseDocument, readSmall } from '../../layouts/layout-files.ts'
import { openTarFiles, type TarFiles } from '../../layouts/tar-files.ts'
import { type Digest, digestOf } from '../../oci/digest.ts'
import { isManifestType } from '../../oci/media-types.ts'
import { findRepositoryName, findTag } from '../../oci/reference.ts'

export const BUNDLE_PATH = 'kagami-bundle.json'
const BUNDLE_TYPE = 'application/vnd.kagami.bundle.v1+json'
/** A hundred thousand moves and as many blobs have 50 MB. */
const MAX_BUNDLE_BYTES = 128 * 1024 * 1024

const tagSchema = z.string().refine((text) => findTag(text) !== undefined, 'want a tag')
const sizeSchema = z.int().min(0)
const namedSchema = z.string().refine((text) => findRepositoryName(text) !== undefined, 'want a repository')

/** Null: the tag was not there. Times, people and reasons are those of the server that the bundle was made at. */
const bundleMoveSchema = z.strictObject({
  tag: tagSchema,
  from: digestSchema.nullable(),
  to: digestSchema.nullable(),
  at: timeSchema,
  by: z.string().max(500),
  cause: moveCauseSchema,
  reason: z.string().max(10_000),
})

/**
 * `tags`: where they point once all of `history` (oldest first) has happened. `manifests` and `blobs`: all content, in this bundle or not;
 * `past`: only history leads there, no tag. `leftOut`: what of it is not, since the bundle `since` has it, or one that that one is since. `absent`: what manifests name and the
 * repository did not have (layers that may be left out, parts of sparse indexes).
 */
const bundleSchema = z.strictObject({
  schemaVersion: z.literal(1),
  mediaType: z.literal(BUNDLE_TYPE),
  repository: z.strictObject({
    name: namedSchema,
    description: z.string().max(10_000),
    visibility: visibilitySchema,
    allowSparse: z.boolean(),
  }),
  madeAt: timeSchema,
  since: z.strictObject({ digest: digestSchema, madeAt: timeSchema }).nullable(),
  tags: z.array(z.strictObject({ tag: tagSchema, digest: digestSchema })),
  history: z.array(bundleMoveSchema),
  manifests: z.array(
    z.strictObject({
      digest: digestSchema,
      mediaType: z.string().refine(isManifestType),
      size: sizeSchema,
      past: z.boolean(),
    }),
  ),
  blobs: z.array(z.strictObject({ digest: digestSchema, size: sizeSchema })),
  leftOut: z.array(digestSchema),
  absent: z.array(digestSchema),
})

export type BundleManifest = z.infer<typeof bundleSchema>
export type BundleMove = z.infer<typeof bundleMoveSchema>

/** A bundle as it was opened: nothing but its manifest is read, and none of its content is verified. */
export interface OpenedBundle {
  readonly files: TarFiles
  readonly manifest: BundleManifest
  /** Of the bytes of its manifest: by this a delta names what it is since. */
  readonly digest: Digest
}

export function emptyBundle(o: Omit<BundleManifest, 'schemaVersion' | 'mediaType'>): BundleManifest {
  return { schemaVersion: 1, mediaType: BUNDLE_TYPE, ...o }
}

/** @throws AppError UPSTREAM_NOT_FOUND: no such file; UPSTREAM_INVALID: no bundle, or one that cannot be trusted, with what and where */
export async function openBundle(file: string): Promise<OpenedBundle> {
  const files = await openTarFiles(file, [BUNDLE_PATH])
  try {
    return { files, ...(await readBundleManifest(files)) }
  } catch (error) {
    await files.close()
    throw error
  }
}

async function readBundleManifest(files: LayoutFiles): Promise<Pick<OpenedBundle, 'manifest' | 'digest'>> {
  const bytes = await readSmall(files, BUNDLE_PATH, MAX_BUNDLE_BYTES)
  if (bytes === undefined) {
    throw invalid(files, `has no ${BUNDLE_PATH}: it is no bundle of kagami export (kagami copy reads other archives)`)
  }
  const manifest = parseDocument(files, BUNDLE_PATH, bytes, bundleSchema)
  refuseContradictions(files, manifest)
  return { manifest, digest: digestOf(bytes) }
}

/** What it says in two places has to be one thing. */
function refuseContradictions(files: LayoutFiles, bundle: BundleManifest): void {
  const refuse = (problem: string) => invalid(files, `${BUNDLE_PATH}: ${problem}`)
  const sizes = new Map<string, number>()
  for (const list of [bundle.manifests, bundle.blobs]) {
    const seen = new Set<string>()
    for (const { digest, size } of list) {
      if (seen.has(digest)) throw refuse(`lists ${digest} twice`)
      seen.add(digest)
      const other = sizes.get(digest)
      if (other !== undefined && other !== size) throw refuse(`${digest} has ${size} bytes, and ${other} elsewhere`)
      sizes.set(digest, size)
    }
  }
  for (const digest of bundle.leftOut)
    if (!sizes.has(digest)) throw refuse(`leaves out ${digest}, which it does not list`)
  if (bundle.leftOut.length > 0 && bundle.since === null) {
    throw refuse(`leaves out ${bundle.leftOut.length} digests, and is since no other bundle`)
  }
  const manifests = new Set(bundle.manifests.map(({ digest }) => digest))
  const tags = new Map<string, string>()
  for (const { tag, digest } of bundle.tags) {
    if (tags.has(tag)) throw refuse(`has the tag ${tag} twice`)
    if (!manifests.has(digest)) throw refuse(`the tag ${tag} points at ${digest}, which it does not list`)
    tags.set(tag, digest)
  }
  const ends = new Map(bundle.history.map(({ tag, to }) => [tag, to]))
  for (const [tag, end] of ends) {
    const digest = tags.get(tag) ?? null
    if (digest !== end)
      throw refuse(`the tag ${tag} is at ${digest ?? 'nothing'}, and its history ends at ${end ?? 'nothing'}`)
  }
}
