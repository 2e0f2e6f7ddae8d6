/** What hangs on an image: attestations, signatures, and whatever else refers to it. */
import { digestSchema, z } from './schema.ts'

const sizeSchema = z.int().min(0)

/**
 * `parent`: what it hangs on; the image's own digest, one of its platforms, or another of these. `platform`: the one below which it hangs; null:
 * the image itself. `via`: a referrer, a tag of cosign, or an entry beside the image in its index. `isSigned`: a signature hangs on it, or is part of
 * it; whether it is a good one is for `cosign verify` and the like to say.
 */
export const attachedSchema = z
  .strictObject({
    digest: digestSchema,
    parent: digestSchema,
    platform: z.string().nullable(),
    kind: z.enum(['attestation', 'signature', 'sbom', 'report', 'artifact']),
    via: z.enum(['referrer', 'tag', 'index']),
    artifactType: z.string().nullable(),
    sizeBytes: sizeSchema,
    isSigned: z.boolean(),
    documents: z.array(
      z.strictObject({
        blob: digestSchema,
        mediaType: z.string(),
        sizeBytes: sizeSchema,
        predicateType: z.string().nullable(),
      }),
    ),
    annotations: z.record(z.string(), z.string()),
  })
  .openapi('Attached')

/** `isPartial`: there is more than is told. */
export const attachedListSchema = z
  .strictObject({ digest: digestSchema, attached: z.array(attachedSchema), isPartial: z.boolean() })
  .openapi('AttachedList')

/**
 * `value`: the predicate of a statement, else the document itself; cut where it is long (`isCut`), null with a `problem`. `saidType`: the predicate type
 * that the statement itself names. `isAboutParent` false: the statement is about something else than what it hangs on.
 */
export const readableDocumentSchema = z
  .strictObject({
    blob: digestSchema,
    mediaType: z.string(),
    sizeBytes: sizeSchema,
    predicateType: z.string().nullable(),
    form: z.string().nullable(),
    saidType: z.string().nullable(),
    subjects: z.array(z.string()),
    isAboutParent: z.boolean().nullable(),
    value: z
      .union([z.record(z.string(), z.unknown()), z.array(z.unknown()), z.string(), z.number(), z.boolean()])
      .nullable(),
    isCut: z.boolean(),
    problem: z.string().nullable(),
  })
  .openapi('ReadableDocument')

export const attestationAnswerSchema = z
  .strictObject({ attestation: attachedSchema, documents: z.array(readableDocumentSchema) })
  .openapi('AttestationAnswer')

export type AttachedFacts = z.infer<typeof attachedSchema>
export type AttachedList = z.infer<typeof attachedListSchema>
export type ReadableDocument = z.infer<typeof readableDocumentSchema>
export type AttestationAnswer = z.infer<typeof attestationAnswerSchema>
