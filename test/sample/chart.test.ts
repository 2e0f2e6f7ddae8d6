import { describe, expect, test } from 'bun:test'
import { parse } from 'yaml'
import { blobOf, newSampleKey, readJsonBlob, readManifest, referrersOf, sampleRepository } from './reading.ts'

const key = newSampleKey()

function chartOf(release: number) {
  const repository = sampleRepository('nginx-chart', release, key)
  const [[tag, digest] = []] = repository.tags
  const manifest = readManifest(repository, digest)
  const unpack = (path: string) =>
    Bun.spawnSync(['tar', '-xzOf', '-', path], {
      stdin: blobOf(repository, manifest.layers?.[0]?.digest),
    }).stdout.toString()
  return { repository, tag, digest: digest ?? '', manifest, unpack }
}

describe('the chart of the sample', () => {
  test('has the types that helm pushes, and a config that equals its Chart.yaml', () => {
    const { repository, tag, manifest, unpack } = chartOf(1)
    expect(manifest.config?.mediaType).toBe('application/vnd.cncf.helm.config.v1+json')
    expect(manifest.layers?.map(({ mediaType }) => mediaType)).toEqual([
      'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
    ])
    const metadata = parse(unpack('nginx-chart/Chart.yaml'))
    expect(metadata).toMatchObject({ apiVersion: 'v2', name: 'nginx-chart', version: tag as string })
    expect(readJsonBlob(repository, manifest.config?.digest)).toEqual(metadata)
  })

  test.each([1, 2])('pins the image that its release publishes, by digest (release %d)', (release) => {
    const { unpack } = chartOf(release)
    const nginx = sampleRepository('nginx', release, key)
    const { image } = parse(unpack('nginx-chart/values.yaml'))
    const [tag, digest] = image.tag.split('@')
    expect(image.repository).toBe('dhi/nginx')
    expect([...nginx.tags]).toContainEqual([tag, digest])
    expect(unpack('nginx-chart/templates/deployment.yaml')).toContain('.Values.image.tag')
  })

  test('carries SBOMs and provenance', () => {
    const { repository, digest } = chartOf(1)
    const kinds = referrersOf(repository, digest).map(({ body }) => body.annotations?.['in-toto.io/predicate-type'])
    expect(kinds.filter((kind) => kind !== undefined)).toEqual([
      'https://cyclonedx.org/bom/v1.6',
      'https://spdx.dev/Document',
      'https://slsa.dev/provenance/v1',
    ])
  })
})
