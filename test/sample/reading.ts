// Reads a sample repository the way a client does: by tags, digests and JSON, without the code that made it.
import { generateKeyPairSync } from 'node:crypto'
import { parseSampleKey, type SampleKey } from '../../src/sample/keys.ts'
import { type SampleRepository, type SampleRepositoryName, sampleRepositories } from '../../src/sample/repositories.ts'

export interface JsonDescriptor {
  mediaType: string
  digest: string
  size: number
  annotations?: Record<string, string>
  platform?: { os: string; architecture: string; variant?: string }
}

export interface JsonManifest {
  mediaType: string
  artifactType?: string
  annotations?: Record<string, string>
  config?: JsonDescriptor
  layers?: JsonDescriptor[]
  manifests?: JsonDescriptor[]
  subject?: JsonDescriptor
}

export interface ReadManifest {
  digest: string
  body: JsonManifest
}

export function newSampleKey(): SampleKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return parseSampleKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'test')
}

const decode = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes))

/** @throws Error when the sample has no such repository */
export function sampleRepository(name: SampleRepositoryName, release: number, key: SampleKey): SampleRepository {
  const found = sampleRepositories(release, key).find((repository) => repository.name === name)
  if (found === undefined) throw new Error(`the sample has no repository ${name}`)
  return found
}

export function readManifests(repository: SampleRepository): ReadManifest[] {
  return repository.manifests.map(({ descriptor, bytes }) => ({ digest: descriptor.digest, body: decode(bytes) }))
}

/** @throws Error when it is absent */
export function readManifest(repository: SampleRepository, digest: string | undefined): JsonManifest {
  const found = readManifests(repository).find((manifest) => manifest.digest === digest)
  if (found === undefined) throw new Error(`${repository.name} has no manifest ${digest}`)
  return found.body
}

/** @throws Error when it is absent */
export function blobOf(repository: SampleRepository, digest: string | undefined): Uint8Array {
  const found = [...repository.blobs].find(([known]) => known === digest)
  if (found === undefined) throw new Error(`${repository.name} has no blob ${digest}`)
  return found[1]
}

export function readJsonBlob<T>(repository: SampleRepository, digest: string | undefined): T {
  return decode(blobOf(repository, digest))
}

export function referrersOf(repository: SampleRepository, digest: string): ReadManifest[] {
  return readManifests(repository).filter(({ body }) => body.subject?.digest === digest)
}

/** Every manifest of one platform, through the indexes that have tags. */
export function platformManifests(repository: SampleRepository): JsonDescriptor[] {
  return [...new Set(repository.tags.values())].flatMap((digest) => readManifest(repository, digest).manifests ?? [])
}

/** The platform manifest behind a tag. @throws Error when there is none for the architecture */
export function platformManifest(repository: SampleRepository, tag: string, architecture: string): JsonDescriptor {
  const digest = [...repository.tags].find(([name]) => name === tag)?.[1]
  const found = readManifest(repository, digest).manifests?.find((item) => item.platform?.architecture === architecture)
  if (found === undefined) throw new Error(`${repository.name}:${tag} has no ${architecture}`)
  return found
}

export interface Statement<P = unknown> {
  _type: string
  predicateType: string
  subject: { name: string; digest: { sha256: string } }[]
  predicate: P
}

/** The statements about a platform manifest by predicate type; a later one of the same type replaces an earlier. */
export function statementsAbout(repository: SampleRepository, digest: string): Map<string, Statement> {
  const attestations = referrersOf(repository, digest).filter(
    ({ body }) => body.artifactType === 'application/vnd.in-toto+json',
  )
  return new Map(
    attestations.map(({ body }) => {
      const statement = readJsonBlob<Statement>(repository, body.layers?.[0]?.digest)
      return [statement.predicateType, statement]
    }),
  )
}

/** @throws Error when there is none of that type */
export function predicateOf<P>(repository: SampleRepository, digest: string, predicateType: string): P {
  const found = statementsAbout(repository, digest).get(predicateType)
  if (found === undefined) throw new Error(`${digest} has no ${predicateType}`)
  return found.predicate as P
}
