import { z } from './schema.ts'

/** What the sample upstream serves after a release. */
export const sampleReleaseSchema = z
  .strictObject({
    release: z.int().min(1),
    url: z.string(),
    repositories: z.array(z.strictObject({ name: z.string(), tags: z.int(), movedTags: z.array(z.string()) })),
  })
  .openapi('SampleRelease')

export const sampleReleaseAnswerSchema = z.strictObject({ sample: sampleReleaseSchema })

export type SampleRelease = z.infer<typeof sampleReleaseSchema>
