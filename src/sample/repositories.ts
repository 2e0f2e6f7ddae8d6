import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { Manifest } from '../oci/repository.ts'
import { addImageAttestations, addLateAttestation } from './attestations.ts'
import { addChart, CHART_NAME } from './chart.ts'
import { type Content, newContent } from './content.ts'
import { type ImageRepositoryName, imageDefinitions } from './definitions.ts'
import { addImage, SAMPLE_PREFIX } from './images.ts'
import type { SampleKey } from './keys.ts'
import { checkRelease, type ReleaseNumber } from './releases.ts'
import { addSignature } from './signatures.ts'

export type SampleRepositoryName = ImageRepositoryName | typeof CHART_NAME

/** One repository of the sample, as one release publishes it. */
export interface SampleRepository {
  /** Served as `dhi/<name>`. */
  readonly name: SampleRepositoryName
  readonly tags: ReadonlyMap<Tag, Digest>
  /** In an order that a registry takes: children before their index, subjects before their referrers. */
  readonly manifests: readonly Manifest[]
  readonly blobs: ReadonlyMap<Digest, Uint8Array>
}

/**
 * What the sample upstream publishes in `release`: a pure function of its two arguments, so that the same digests come out
 * on every machine and in every run. A release is published over the one before, as a real upstream does it: its tags
 * move or are added, and the exact version tags of earlier releases (`3.13.9`) stay where they are.
 * @throws AppError INVALID_REQUEST when the release is not a whole number from 1 on
 */
export function sampleRepositories(release: ReleaseNumber, key: SampleKey): SampleRepository[] {
  checkRelease(release)
  return [
    imageRepository('python', release, key),
    imageRepository('node', release, key),
    imageRepository('nginx', release, key),
    chartRepository(release, key),
  ]
}

function imageRepository(name: ImageRepositoryName, release: ReleaseNumber, key: SampleKey): SampleRepository {
  const content = newContent()
  const tags = new Map<Tag, Digest>()
  for (const definition of imageDefinitions(name, release)) {
    const { index, platforms } = addImage(definition, content)
    addSignature(index, `${SAMPLE_PREFIX}/${name}`, key, content)
    for (const image of platforms) {
      addImageAttestations(image, key, content)
      if (definition.contentRelease < release) addLateAttestation(image, release, key, content)
    }
    for (const tag of definition.tags) tags.set(tag, index.digest)
  }
  return repositoryOf(name, tags, content)
}

function chartRepository(release: ReleaseNumber, key: SampleKey): SampleRepository {
  const [definition] = imageDefinitions('nginx', release)
  if (definition === undefined) throw new Error('the sample has no nginx image to make a chart of')
  const { index } = addImage(definition, newContent())
  const content = newContent()
  const chart = addChart({ definition, index }, release, key, content)
  return repositoryOf(CHART_NAME, new Map([[chart.tag, chart.descriptor.digest]]), content)
}

function repositoryOf(name: SampleRepositoryName, tags: Map<Tag, Digest>, content: Content): SampleRepository {
  return { name, tags, manifests: content.manifests, blobs: content.blobs }
}
