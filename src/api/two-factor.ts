import { timeSchema, z } from './schema.ts'
import { givenPasswordSchema } from './users.ts'

/** `enabledAt` null: the password alone is enough. */
export const twoFactorSchema = z
  .strictObject({ enabledAt: timeSchema.nullable(), recoveryCodesLeft: z.int().min(0) })
  .openapi('TwoFactor')

export const twoFactorAnswerSchema = z.strictObject({ twoFactor: twoFactorSchema })

export const twoFactorBeginSchema = z.strictObject({ password: givenPasswordSchema }).openapi('TwoFactorBegin')

/** For an authenticator, shown this once: `secret` to type, `url` to make a QR code of. */
export const twoFactorBegunSchema = z.strictObject({ secret: z.string(), url: z.string() }).openapi('TwoFactorBegun')

/** Of the authenticator, or one for recovery. */
const codeSchema = z.string().min(1).max(40).openapi({ example: '123456' })

export const twoFactorConfirmSchema = z.strictObject({ code: codeSchema }).openapi('TwoFactorConfirm')

/** Each serves once, in place of a code of the authenticator; shown this once. */
export const recoveryCodesSchema = z.strictObject({ recoveryCodes: z.array(z.string()) }).openapi('RecoveryCodes')

export const twoFactorProofSchema = z
  .strictObject({ password: givenPasswordSchema, code: codeSchema })
  .openapi('TwoFactorProof')

export type TwoFactor = z.infer<typeof twoFactorSchema>
export type TwoFactorBegun = z.infer<typeof twoFactorBegunSchema>
