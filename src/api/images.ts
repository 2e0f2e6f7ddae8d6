/** What is in an image: its platforms and their configs, packages, vulnerabilities, and all that is attached to it. */
import { listQuerySchema, listSchema } from './lists.ts'
import { digestSchema, timeSchema, z } from './schema.ts'
import { attestedListSchema } from './tags.ts'

export const IMAGE_SEVERITIES = ['critical', 'high', 'medium', 'low', 'negligible', 'unknown'] as const
export const severitySchema = z.enum(IMAGE_SEVERITIES)

/** `open`: no VEX statement is about it. The others are OpenVEX's words; by `not_affected` and `fixed` the image does not have it. */
export const findingStatusSchema = z.enum(['open', 'affected', 'under_investigation', 'not_affected', 'fixed'])

const sizeSchema = z.int().min(0)
const countsSchema = z.strictObject({
  critical: sizeSchema,
  high: sizeSchema,
  medium: sizeSchema,
  low: sizeSchema,
  negligible: sizeSchema,
  unknown: sizeSchema,
})

/**
 * How far it is known what the image holds. `reading`: its attestations are being read, ask again; `ready`: they were; `none`: it is itself
 * attached to something. `isFresh` false: something came since, and is being read. `documents`: the attestations that tell of it; one with a
 * `problem` does not count. `hasSbom`, `hasReport` false: nothing is known of packages, or of vulnerabilities. `vulnerabilities`: open ones by severity;
 * `suppressed`: those that VEX says the image does not have.
 */
export const imageContentsSchema = z
  .strictObject({
    state: z.enum(['reading', 'ready', 'none']),
    isFresh: z.boolean(),
    readAt: timeSchema.nullable(),
    hasSbom: z.boolean(),
    hasReport: z.boolean(),
    packages: sizeSchema,
    vulnerabilities: countsSchema,
    suppressed: sizeSchema,
    problem: z.string().nullable(),
    documents: z.array(
      z.strictObject({
        attestation: digestSchema,
        blob: digestSchema,
        kind: z.string(),
        sizeBytes: sizeSchema,
        problem: z.string().nullable(),
      }),
    ),
  })
  .openapi('ImageContents')

/** What a container starts with. Lists are cut at 200 entries, texts at 2000 characters. */
export const imageConfigSchema = z
  .strictObject({
    digest: digestSchema,
    created: z.string().nullable(),
    author: z.string().nullable(),
    user: z.string().nullable(),
    entrypoint: z.array(z.string()),
    cmd: z.array(z.string()),
    workingDir: z.string().nullable(),
    stopSignal: z.string().nullable(),
    env: z.array(z.string()),
    ports: z.array(z.string()),
    volumes: z.array(z.string()),
    labels: z.record(z.string(), z.string()),
  })
  .openapi('ImageConfig')

export const imageLayerSchema = z
  .strictObject({ digest: digestSchema, mediaType: z.string(), sizeBytes: sizeSchema, command: z.string().nullable() })
  .openapi('ImageLayer')

/** A Helm chart. `images`: what its `values.yaml` names; null: it could not be read. */
export const chartSchema = z
  .strictObject({
    name: z.string(),
    version: z.string(),
    appVersion: z.string().nullable(),
    description: z.string().nullable(),
    kubeVersion: z.string().nullable(),
    type: z.string().nullable(),
    home: z.string().nullable(),
    keywords: z.array(z.string()),
    maintainers: z.array(z.string()),
    dependencies: z.array(z.strictObject({ name: z.string(), version: z.string(), repository: z.string() })),
    images: z.array(z.strictObject({ place: z.string(), image: z.string() })).nullable(),
  })
  .openapi('Chart')

/** One manifest that can be run: of an index the platform that was asked for. `platform` is empty where nothing says it. */
export const imagePlatformSchema = z
  .strictObject({
    platform: z.string(),
    digest: digestSchema,
    mediaType: z.string(),
    sizeBytes: sizeSchema,
    config: imageConfigSchema.nullable(),
    layers: z.array(imageLayerSchema),
    layerCount: sizeSchema,
    contents: imageContentsSchema,
  })
  .openapi('ImagePlatform')

/**
 * What a tag or a digest stands for. `platforms`: those of the index, in its order, or the one of a single image; `available` false: the index
 * lists it, and it is not here. `sizeBytes`: everything below it, each digest once; of a platform 0 where it is not known. `contents`: what is
 * attached to the index itself. `tags`: the first of `tagCount` that point to it.
 */
export const imageSchema = z
  .strictObject({
    repository: z.string(),
    tag: z.string().nullable(),
    digest: digestSchema,
    mediaType: z.string(),
    artifactType: z.string().nullable(),
    kind: z.enum(['index', 'image', 'chart', 'artifact']),
    sizeBytes: sizeSchema,
    annotations: z.record(z.string(), z.string()),
    tags: z.array(z.string()),
    tagCount: sizeSchema,
    subject: digestSchema.nullable(),
    attested: attestedListSchema,
    platforms: z.array(
      z.strictObject({ platform: z.string(), digest: digestSchema, sizeBytes: sizeSchema, available: z.boolean() }),
    ),
    selected: imagePlatformSchema.nullable(),
    contents: imageContentsSchema,
    chart: chartSchema.nullable(),
  })
  .openapi('Image')

export const imageAnswerSchema = z.strictObject({ image: imageSchema })

/** `platform`: as the image lists it; `index` for what is attached to the index itself. Default: linux/amd64, else the first. */
export const imageQuerySchema = z.strictObject({ platform: z.string().min(1).max(200).optional() })

const searchTextSchema = z.string().trim().min(1).max(300)

export const packagesQuerySchema = listQuerySchema.extend({
  ...imageQuerySchema.shape,
  q: searchTextSchema.optional(),
})

/** `sboms`: places in `contents.documents` of the documents that list it. */
export const imagePackageSchema = z
  .strictObject({
    name: z.string(),
    version: z.string(),
    type: z.string(),
    purl: z.string().nullable(),
    source: z.string().nullable(),
    licence: z.string().nullable(),
    sboms: z.array(sizeSchema),
  })
  .openapi('ImagePackage')

export const imagePackageListSchema = z
  .strictObject({
    digest: digestSchema,
    contents: imageContentsSchema,
    ...listSchema('packages', imagePackageSchema).shape,
  })
  .openapi('ImagePackageList')

export const vulnerabilitiesQuerySchema = listQuerySchema.extend({
  ...imageQuerySchema.shape,
  q: searchTextSchema.optional(),
  severity: severitySchema.optional(),
  suppressed: z.enum(['true', 'false']).optional(),
})

/** The statement that counts, of the newest on the vulnerability and the package. `attestation`: the manifest that it came in. */
export const vexStatementSchema = z
  .strictObject({
    status: findingStatusSchema,
    justification: z.string().nullable(),
    impact: z.string().nullable(),
    action: z.string().nullable(),
    product: z.string(),
    at: z.string().nullable(),
    attestation: digestSchema.nullable(),
  })
  .openapi('VexStatement')

/** `score`: CVSS, as the report has it. `fixedIn`: the version of the package that no longer has it. `reports` empty: only VEX speaks of it. */
export const imageVulnerabilitySchema = z
  .strictObject({
    id: z.string(),
    severity: severitySchema,
    score: z.number().nullable(),
    package: z.string(),
    version: z.string().nullable(),
    fixedIn: z.string().nullable(),
    status: findingStatusSchema,
    vex: vexStatementSchema.nullable(),
    reports: z.array(sizeSchema),
  })
  .openapi('ImageVulnerability')

export const imageVulnerabilityListSchema = z
  .strictObject({
    digest: digestSchema,
    contents: imageContentsSchema,
    ...listSchema('vulnerabilities', imageVulnerabilitySchema).shape,
  })
  .openapi('ImageVulnerabilityList')

export type ImageContentsState = z.infer<typeof imageContentsSchema>
export type Image = z.infer<typeof imageSchema>
export type ImagePlatform = z.infer<typeof imagePlatformSchema>
export type ImageConfigFacts = z.infer<typeof imageConfigSchema>
export type ChartFacts = z.infer<typeof chartSchema>
export type ImagePackage = z.infer<typeof imagePackageSchema>
export type ImagePackageList = z.infer<typeof imagePackageListSchema>
export type ImageVulnerability = z.infer<typeof imageVulnerabilitySchema>
export type ImageVulnerabilityList = z.infer<typeof imageVulnerabilityListSchema>
