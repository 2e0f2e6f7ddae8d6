/** Which tags hold a package, and which have a vulnerability. */
import { findingStatusSchema, severitySchema } from './images.ts'
import { acrossQuerySchema, listSchema } from './lists.ts'
import { digestSchema, z } from './schema.ts'

export const packageSearchQuerySchema = acrossQuerySchema.extend({ q: z.string().trim().min(1).max(300) })
export const vulnerabilitySearchQuerySchema = acrossQuerySchema.extend({ q: z.string().trim().min(1).max(150) })

/** `tags`: the first 20 that lead to the image, by themselves or through an index. */
const placeSchema = {
  repository: z.string(),
  digest: digestSchema,
  platform: z.string(),
  tags: z.array(z.string()),
}

export const foundPackageSchema = z
  .strictObject({
    ...placeSchema,
    name: z.string(),
    version: z.string(),
    type: z.string(),
    purl: z.string().nullable(),
    source: z.string().nullable(),
    licence: z.string().nullable(),
  })
  .openapi('FoundPackage')

export const foundVulnerabilitySchema = z
  .strictObject({
    ...placeSchema,
    id: z.string(),
    severity: severitySchema,
    score: z.number().nullable(),
    package: z.string(),
    version: z.string().nullable(),
    fixedIn: z.string().nullable(),
    status: findingStatusSchema,
    justification: z.string().nullable(),
  })
  .openapi('FoundVulnerability')

export const foundPackageListSchema = listSchema('packages', foundPackageSchema).openapi('FoundPackageList')
export const foundVulnerabilityListSchema = listSchema('vulnerabilities', foundVulnerabilitySchema).openapi(
  'FoundVulnerabilityList',
)

export type FoundPackage = z.infer<typeof foundPackageSchema>
export type FoundVulnerability = z.infer<typeof foundVulnerabilitySchema>
