/** What changed from one image of a repository to another. */
import { findingStatusSchema, imageContentsSchema, severitySchema } from './images.ts'
import { digestSchema, z } from './schema.ts'

const sizeSchema = z.int().min(0)

export const compareQuerySchema = z.strictObject({
  from: z.string().min(1).max(300),
  to: z.string().min(1).max(300),
  platform: z.string().min(1).max(200).optional(),
})

const sideSchema = z.strictObject({
  reference: z.string(),
  digest: digestSchema,
  platform: z.string(),
  platformDigest: digestSchema,
  sizeBytes: sizeSchema,
  layers: sizeSchema,
  contents: imageContentsSchema,
})

const changedPackageSchema = z.strictObject({
  name: z.string(),
  type: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
})

const changedFindingSchema = z.strictObject({
  id: z.string(),
  severity: severitySchema,
  package: z.string(),
  status: findingStatusSchema,
  fixedIn: z.string().nullable(),
})

const changedValueSchema = z.strictObject({ name: z.string(), from: z.string().nullable(), to: z.string().nullable() })

/**
 * Lists have the first 500 of `counts`. `fixed`: open in the first and not in the second any more; `suppressed`: there too, and VEX says that the image does not
 * have it; `new`: open in the second alone. `isKnown` false: one side has no SBOM, or no report, or is still being read (`contents.state`): then
 * nothing is said of it.
 */
export const imageComparisonSchema = z
  .strictObject({
    from: sideSchema,
    to: sideSchema,
    isSame: z.boolean(),
    packages: z.strictObject({
      isKnown: z.boolean(),
      counts: z.strictObject({ added: sizeSchema, removed: sizeSchema, changed: sizeSchema }),
      added: z.array(changedPackageSchema),
      removed: z.array(changedPackageSchema),
      changed: z.array(changedPackageSchema),
    }),
    vulnerabilities: z.strictObject({
      isKnown: z.boolean(),
      counts: z.strictObject({ fixed: sizeSchema, suppressed: sizeSchema, new: sizeSchema, same: sizeSchema }),
      fixed: z.array(changedFindingSchema),
      suppressed: z.array(changedFindingSchema),
      new: z.array(changedFindingSchema),
    }),
    config: z.array(changedValueSchema),
    env: z.array(changedValueSchema),
    labels: z.array(changedValueSchema),
  })
  .openapi('ImageComparison')

export const imageComparisonAnswerSchema = z.strictObject({ comparison: imageComparisonSchema })

export type ImageComparison = z.infer<typeof imageComparisonSchema>
