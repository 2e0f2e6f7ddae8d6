/** What a selection has to read at upstream before it can decide: when an image was created, what a referrer is. Once a digest. */
import { findCutoff, type Selection } from '../../api/selection.ts'
import type { Facts } from '../../db/mirrors/mirror-facts.ts'
import { isAppError } from '../../errors.ts'
import { parseForeignJson } from '../../lib/json.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { algorithmOf, type Digest, verifyDigest } from '../../oci/digest.ts'
import { type ParsedManifest, parseManifest } from '../../oci/manifest.ts'
import { MediaType } from '../../oci/media-types.ts'
import type { Abortable, Manifest } from '../../oci/repository.ts'
import type { Origin } from './known.ts'
import type { WalkOptions } from './readers.ts'
import { chooseChildren, createTypeChooser, refuseOld, typesOf, typesOfDigestTag, unwantedTypes } from './select.ts'

/** Real configs have some kilobytes. */
const MAX_CONFIG_BYTES = 1024 * 1024
const MAX_TYPES = 50
const MAX_TYPE_LENGTH = 256
/** Indexes below one another that are followed to find an image. */
const MAX_DEPTH = 3
/** Reproducible builds set the epoch, or a moment close to it, where they know no time. */
const FIRST_CREDIBLE = Date.parse('1980-01-02T00:00:00Z')
const CREATED = 'org.opencontainers.image.created'
const IMAGE_CONFIGS: readonly string[] = [MediaType.ociConfig, MediaType.dockerConfig]

export interface Learner {
  /** Why an image is too old to be taken. @throws what reading throws */
  refuseOld(root: Descriptor, origin: Origin): Promise<string | undefined>
  /** Why a referrer is left out for its type; `suffix` of cosign's tags. @throws what reading throws */
  refuseType(of: Descriptor, origin: Origin, tag?: { readonly suffix: string | undefined }): Promise<string | undefined>
  /** What was read already, once. */
  takeManifest(digest: Digest): Manifest | undefined
  /** All that is known now of the digests that were read in this pass. */
  readonly learned: ReadonlyMap<Digest, Facts>
  /**
   * Digests that something is known of, and that a pass over all tags, ended by now, has no use for: images that no tag has any more. What
   * referrers are is kept, for a list that is not asked for, or unchanged, does not name those that are left out.
   */
  outlived(): Digest[]
}

export function createLearner(o: Omit<WalkOptions, 'fallbackTags' | 'learner'>): Learner {
  const { known, limiter, readers } = o
  const selection: Selection = o.selection ?? {}
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const learned = new Map<Digest, Facts>()
  const met = new Set<Digest>()
  const held = new Map<Digest, Manifest>()
  const asked = new Map<string, Promise<unknown>>()
  const { newerThan, referrers } = selection
  const cutoff = newerThan === undefined ? undefined : findCutoff(newerThan, o.now)
  const isWanted = createTypeChooser(referrers ?? [])

  const readerOf = (origin: Origin) => (origin === 'image' ? readers.image : (readers.referrers ?? readers.image))
  const factsOf = (digest: Digest): Facts => {
    met.add(digest)
    return learned.get(digest) ?? known.facts.get(digest) ?? {}
  }
  const learn = (digest: Digest, facts: Facts) => void learned.set(digest, { ...factsOf(digest), ...facts })

  /** One question a digest, however many ask. */
  function once<T>(key: string, work: () => Promise<T>): Promise<T> {
    const running = asked.get(key) as Promise<T> | undefined
    if (running !== undefined) return running
    const begun = work()
    asked.set(key, begun)
    return begun
  }

  async function read(digest: Digest, origin: Origin): Promise<ParsedManifest | undefined> {
    const found = await limiter.run(() => readerOf(origin).readManifest({ digest }, abortable))
    if (found === undefined) return undefined
    // Kept for the walk.
    if (!held.has(digest) && !known.manifests.has(digest) && o.held.take(found.bytes.byteLength))
      held.set(digest, found)
    return parseManifest(found.bytes, found.descriptor.mediaType, algorithmOf(digest))
  }

  function drop(digest: Digest): Manifest | undefined {
    const found = held.get(digest)
    if (found === undefined) return undefined
    o.held.giveBack(found.bytes.byteLength)
    held.delete(digest)
    return found
  }

  async function createdOf(digest: Digest, origin: Origin, depth = 0): Promise<string | null> {
    const manifest = await read(digest, origin)
    if (manifest === undefined) return null
    const own = instant(manifest.annotations?.[CREATED])
    if (own !== null) return own
    if (manifest.config !== undefined) return createdOfConfig(manifest.config, origin)
    const { chosen } = chooseChildren(manifest.children, selection.platforms)
    const [first] = chosen.filter(({ platform }) => platform?.architecture !== 'unknown')
    if (first === undefined || depth >= MAX_DEPTH) return null
    return instant(first.annotations?.[CREATED]) ?? createdOf(first.digest, origin, depth + 1)
  }

  async function createdOfConfig(config: Descriptor, origin: Origin): Promise<string | null> {
    if (!IMAGE_CONFIGS.includes(config.mediaType) || config.size > MAX_CONFIG_BYTES) return null
    try {
      const bytes = await limiter.run(async () => {
        const { stream, totalBytes } = await readerOf(origin).openBlob(config, abortable)
        if (totalBytes <= MAX_CONFIG_BYTES) return new Response(stream).bytes()
        await stream.cancel()
        return undefined
      })
      if (bytes === undefined) return null
      verifyDigest(config.digest, bytes)
      const value = parseForeignJson(new TextDecoder().decode(bytes)) as { created?: unknown } | null
      return instant(value?.created)
    } catch (error) {
      // The copy says what is wrong with it; a config that is absent or no JSON says no time.
      const isNothing = isAppError(error, 'BLOB_UNKNOWN') || isAppError(error, 'UPSTREAM_NOT_FOUND')
      if (isNothing || error instanceof SyntaxError) return null
      throw error
    }
  }

  async function readTypes(digest: Digest, origin: Origin, isTag: boolean): Promise<readonly string[] | undefined> {
    const manifest = await read(digest, origin)
    if (manifest === undefined) return undefined
    // Cosign's tags have no artifact type of their own: their layers say what they hold.
    const layers = manifest.layers.flatMap(({ mediaType, annotations }) => [
      ...(isTag ? [mediaType] : []),
      ...typesOf({ ...(annotations === undefined ? {} : { annotations }) }),
    ])
    const types = [...new Set([...typesOf(manifest.descriptor), ...layers])]
    return types.slice(0, MAX_TYPES).map((type) => type.slice(0, MAX_TYPE_LENGTH))
  }

  return {
    learned,
    outlived() {
      const images = [...known.facts].filter(([digest, { types }]) => types === undefined && !met.has(digest))
      return images.map(([digest]) => digest)
    },
    takeManifest: drop,
    async refuseOld({ digest }, origin) {
      if (newerThan === undefined || cutoff === undefined) return undefined
      let { created } = factsOf(digest)
      if (created === undefined) {
        created = await once(`created ${digest}`, () => createdOf(digest, origin))
        learn(digest, { created })
      }
      const why = refuseOld(created, cutoff, newerThan)
      if (why !== undefined) drop(digest)
      return why
    },
    async refuseType(of, origin, tag) {
      if (referrers === undefined) return undefined
      const said = [...typesOf(of), ...typesOfDigestTag(tag?.suffix)]
      if (isWanted(said)) return undefined
      // What a signature of cosign's is, its name says; and where nothing is wanted, nothing has to be read.
      if (referrers.length === 0 || tag?.suffix === '.sig') return unwantedTypes(said, referrers)
      const { digest } = of
      let types = factsOf(digest).types
      if (types === undefined) {
        types = await once(`types ${digest}`, () => readTypes(digest, origin, tag !== undefined))
        // The walk says that it is absent.
        if (types === undefined) return undefined
        learn(digest, { types })
      }
      if (isWanted(types)) return undefined
      drop(digest)
      return unwantedTypes([...said, ...types], referrers)
    },
  }
}

/** Undefined and what is no credible time: null. */
function instant(text: unknown): string | null {
  const ms = typeof text === 'string' && text.length <= 64 ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) || ms < FIRST_CREDIBLE ? null : new Date(ms).toISOString()
}
