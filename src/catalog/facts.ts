/** What an image says of itself, by annotations and labels: read with few requests, and not again while its digest is the same. */

import { LISTED_DESCRIPTION } from '../api/catalog.ts'
import { AppError } from '../errors.ts'
import { parseForeignJson } from '../lib/json.ts'
import { readBytes } from '../net/bounded-body.ts'
import { type Descriptor, formatPlatform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { findRepositoryName, parseTag, type Tag } from '../oci/reference.ts'
import type { RepositoryReader } from '../oci/repository.ts'
import { compareTagAge } from '../oci/tag-version.ts'
import type { Facts, Variant } from './summary.ts'
import { complianceOf, cut, dayOf, lineOf, webAddressOf } from './text.ts'

const LATEST = parseTag('latest')
/** Tags that are looked through for the newest. */
const MAX_TAGS = 2000
const MAX_CONFIG_BYTES = 256 * 1024
const HELM_CONFIG = 'application/vnd.cncf.helm.config.v1+json'
const OCI = 'org.opencontainers.image.'
const DHI = 'com.docker.dhi.'

type Texts = Readonly<Record<string, string>>

/**
 * At most six requests, without those for tokens.
 * @param known digest of what was read before
 * @returns undefined: there is nothing to read; `facts` undefined: it is what it was
 * @throws AppError UPSTREAM_*, MANIFEST_INVALID, CANCELLED
 */
export async function readFacts(
  reader: RepositoryReader,
  known: string | null,
  signal: AbortSignal,
): Promise<{ readonly digest: Digest; readonly facts: Facts | undefined } | undefined> {
  const found = await findImage(reader, signal)
  if (found === undefined) return undefined
  const { tag, root } = found
  if (root.digest === known) return { digest: root.digest, facts: undefined }
  const manifest = await reader.readManifest(root, { signal })
  if (manifest === undefined) return undefined
  const top = parseManifest(manifest.bytes, manifest.descriptor.mediaType)
  const platforms = top.children.flatMap((child) =>
    child.platform === undefined || child.platform.os === 'unknown'
      ? []
      : [formatPlatform(child.platform).replace(/^(linux\/arm64)\/v8$/, '$1')],
  )
  const first = top.children.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64')
  const child = first ?? top.children.find(({ platform }) => platform?.os !== 'unknown')
  const read = child === undefined ? undefined : await reader.readManifest(child, { signal })
  const image = read === undefined ? top : parseManifest(read.bytes, read.descriptor.mediaType)
  const config = await readConfig(reader, image.config, signal)
  // What is nearest to the whole counts first; labels are what a build began with, and often those of the image below.
  const said: Texts = { ...config.labels, ...image.annotations, ...top.annotations }
  return {
    digest: root.digest,
    facts: factsOf(said, { config, tag, platforms, isChart: image.config?.mediaType === HELM_CONFIG }),
  }
}

/** What `latest` is, or else the newest version: a runtime before its `-dev`. */
async function findImage(
  reader: RepositoryReader,
  signal: AbortSignal,
): Promise<{ tag: Tag; root: Descriptor } | undefined> {
  const latest = await reader.resolve({ tag: LATEST }, { signal })
  if (latest !== undefined) return { tag: LATEST, root: latest }
  const tags: Tag[] = []
  for await (const { tag } of reader.listTags({ signal })) {
    if (!/\.(sig|att|sbom)$|^sha\d+-/.test(tag)) tags.push(tag)
    if (tags.length === MAX_TAGS) break
  }
  const runtime = tags.filter((tag) => !/-(dev|debug)\b/.test(tag))
  const newest = (runtime.length === 0 ? tags : runtime).sort(compareTagAge).at(-1)
  const root = newest === undefined ? undefined : await reader.resolve({ tag: newest }, { signal })
  return newest === undefined || root === undefined ? undefined : { tag: newest, root }
}

interface Config {
  readonly labels: Texts
  readonly user: string | null
  readonly created: string | null
  readonly platform: string | null
  readonly description: string | null
}

const NO_CONFIG: Config = { labels: {}, user: null, created: null, platform: null, description: null }

async function readConfig(
  reader: RepositoryReader,
  descriptor: Descriptor | undefined,
  signal: AbortSignal,
): Promise<Config> {
  if (descriptor === undefined || !descriptor.mediaType.endsWith('json') || descriptor.size > MAX_CONFIG_BYTES) {
    return NO_CONFIG
  }
  const blob = await reader.openBlob(descriptor, { signal })
  const bytes = await readBytes({ body: blob.stream }, MAX_CONFIG_BYTES, 'a config')
  const parsed = fieldsOf(jsonOf(bytes))
  const config = fieldsOf(parsed.config)
  const { os, architecture } = parsed
  const isPlatform = typeof os === 'string' && typeof architecture === 'string'
  return {
    labels: textsOf(config.Labels),
    user: lineOf(config.User, 64),
    created: dayOf(parsed.created),
    platform: isPlatform ? lineOf(`${os}/${architecture}`, 64) : null,
    // A chart's own.
    description: lineOf(parsed.description, 1000),
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return parseForeignJson(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new AppError('UPSTREAM_INVALID', 'the config of an image is no JSON', { cause: error })
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

function textsOf(value: unknown): Texts {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
}

function factsOf(
  said: Texts,
  of: {
    readonly config: Config
    readonly tag: Tag
    readonly platforms: readonly string[]
    readonly isChart: boolean
  },
): Facts {
  const { config, tag, platforms, isChart } = of
  const text = (name: string, max = 200) => lineOf(said[name], max)
  const title = titleOf(text(`${OCI}title`, 80), text(`${DHI}title`, 80))
  const description = text(`${OCI}description`, LISTED_DESCRIPTION * 4) ?? config.description
  const created = dayOf(said[`${OCI}created`]) ?? config.created
  const platform = config.platform === null ? [] : [config.platform]
  const variant: Variant = {
    name: text(`${DHI}title`, 128) ?? text(`${OCI}title`, 80) ?? tag,
    definition: text(`${DHI}definition`),
    variant: text(`${DHI}variant`, 32),
    flavor: text(`${DHI}flavor`, 64),
    distribution: text(`${DHI}distro`, 64),
    tags: [tag],
    platforms: platforms.length === 0 ? platform : platforms.slice(0, 20),
    compliance: complianceOf(said[`${DHI}compliance`]),
    packageManager: programOf(said[`${DHI}package-manager`]),
    shell: programOf(said[`${DHI}shell`]),
    user: config.user,
    released: dayOf(said[`${DHI}date.release`]),
    endOfSupport: dayOf(said[`${DHI}date.end-of-support`]),
    endOfLife: dayOf(said[`${DHI}date.end-of-life`]),
    entitlement: text(`${DHI}entitlement`, 32),
  }
  return {
    title,
    description: description === null ? null : cut(description, LISTED_DESCRIPTION),
    kind: isChart ? 'chart' : 'image',
    homeUrl: webAddressOf(said[`${OCI}url`]),
    created,
    variant,
  }
}

/** A title that is a name of a repository (`dhi/python`) tells nothing; that of a hardened image is of one line of versions: `Python 3.13.x`. */
function titleOf(title: string | null, ofImage: string | null): string | null {
  if (title !== null && findRepositoryName(title) === undefined) return title
  return ofImage?.replace(/(?:\s+v?\d[\w.]*)?(?:\s+\([^()]*\))?$/, '') || null
}

/** An empty label says that there is none. */
function programOf(label: string | undefined): string | null {
  return label === undefined ? null : (lineOf(label, 32) ?? 'none')
}
