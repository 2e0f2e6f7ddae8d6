import { PackageURL } from 'packageurl-js'
import { stringify } from 'yaml'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { MediaType } from '../oci/media-types.ts'
import { parseTag, type Tag } from '../oci/reference.ts'
import { type AttestationTarget, addAttestation, PredicateType } from './attestations.ts'
import type { Content } from './content.ts'
import type { ImageDefinition } from './definitions.ts'
import { SAMPLE_PREFIX } from './images.ts'
import type { SampleKey } from './keys.ts'
import { slsaProvenance1 } from './provenance.ts'
import { type ReleaseNumber, releasedAt, releaseTime } from './releases.ts'
import { cycloneDx, type SbomSubject, spdx } from './sbom.ts'
import { addSignature } from './signatures.ts'
import { gzipOf, tarOf } from './tar.ts'

export const CHART_NAME = 'nginx-chart'

const HELM_CONFIG = 'application/vnd.cncf.helm.config.v1+json'
const HELM_CONTENT = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'

/** The image that the chart deploys. */
interface ChartImage {
  readonly definition: ImageDefinition
  readonly index: Descriptor
}

interface Chart {
  readonly tag: Tag
  readonly descriptor: Descriptor
}

/** Adds a Helm chart (in the form of `helm push`) that pins `image` by digest, with signed SBOMs and provenance, and its own signature. */
export function addChart(image: ChartImage, release: ReleaseNumber, key: SampleKey, content: Content): Chart {
  const version = `1.${release - 1}.0`
  const metadata = metadataOf(image, version)
  const values = valuesOf(image)
  const files = {
    'Chart.yaml': stringify(metadata),
    'values.yaml': stringify(values),
    'templates/deployment.yaml': DEPLOYMENT,
    'README.md': `# ${CHART_NAME}\n\nDeploys the sample's NGINX image, pinned by digest.\n`,
  }
  const archive = tarOf(
    Object.entries(files).map(([path, text]) => ({
      kind: 'file',
      path: `${CHART_NAME}/${path}`,
      mode: 0o644,
      content: text,
    })),
    releasedAt(release),
  )
  const created = releaseTime(release)
  const descriptor = content.addManifest({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: content.addBlob(metadata, HELM_CONFIG),
    layers: [content.addBlob(gzipOf(archive), HELM_CONTENT)],
    annotations: {
      'org.opencontainers.image.created': created,
      'org.opencontainers.image.description': metadata.description,
      'org.opencontainers.image.title': CHART_NAME,
      'org.opencontainers.image.version': version,
    },
  })
  const repository = `${SAMPLE_PREFIX}/${CHART_NAME}`
  addSignature(descriptor, repository, key, content)

  const name = new PackageURL('docker', SAMPLE_PREFIX, CHART_NAME, version).toString()
  const target: AttestationTarget = { repository, name, descriptor, key, content }
  const sbom = sbomSubject(image, descriptor, version, created)
  addAttestation(target, PredicateType.cycloneDx, cycloneDx(sbom))
  addAttestation(target, PredicateType.spdx, spdx(sbom))
  const provenance = slsaProvenance1({
    definitionPath: `chart/${CHART_NAME}/1`,
    definitionDigest: digestOf(JSON.stringify(files)),
    id: digestOf(archive).slice('sha256:'.length).slice(0, 24),
    startedAt: releaseTime(release, -1),
    finishedAt: created,
    materials: [{ uri: imagePurl(image), digest: image.index.digest }],
  })
  addAttestation(target, PredicateType.slsaProvenance1, provenance)
  return { tag: parseTag(version), descriptor }
}

function metadataOf({ definition }: ChartImage, version: string) {
  return {
    apiVersion: 'v2',
    name: CHART_NAME,
    version,
    appVersion: definition.version,
    description: 'A sample chart that deploys NGINX',
    type: 'application',
    keywords: ['sample', 'nginx'],
    maintainers: [{ name: 'Kagami sample', email: 'sample@example.invalid' }],
    annotations: { 'com.docker.dhi.images': `${SAMPLE_PREFIX}/nginx:${definition.exactTag}` },
  }
}

function valuesOf({ definition, index }: ChartImage) {
  return {
    image: {
      // Where the sample upstream listens unless told otherwise; people set the registry that they mirror into.
      registry: '127.0.0.1:5081',
      repository: `${SAMPLE_PREFIX}/${definition.repository}`,
      tag: `${definition.exactTag}@${index.digest}`,
    },
    replicas: 1,
  }
}

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: { app: {{ .Release.Name }} }
  template:
    metadata:
      labels: { app: {{ .Release.Name }} }
    spec:
      containers:
        - name: nginx
          image: "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}"
`

function imagePurl({ definition, index }: ChartImage): string {
  return new PackageURL('oci', undefined, definition.repository, index.digest, {
    tag: definition.exactTag,
  }).toString()
}

function sbomSubject(image: ChartImage, descriptor: Descriptor, version: string, created: string): SbomSubject {
  return {
    kind: 'application',
    name: `${SAMPLE_PREFIX}/${CHART_NAME}`,
    version,
    purl: new PackageURL('oci', undefined, CHART_NAME, descriptor.digest).toString(),
    license: 'Apache-2.0',
    descriptor,
    created,
    components: [
      {
        kind: 'container',
        name: `${SAMPLE_PREFIX}/${image.definition.repository}`,
        version: image.definition.version,
        purl: imagePurl(image),
        license: image.definition.license,
      },
    ],
  }
}
