import { idSchema, nameSchema, timeSchema, z } from './schema.ts'
import { tokenScopeSchema } from './tokens.ts'

/** RFC 8628, section 3.1; `name`: what whoever lets it in is shown. */
export const deviceCodeRequestSchema = z
  .object({ client_id: z.string().min(1).max(100), name: z.string().min(1).max(100).optional() })
  .openapi('DeviceCodeRequest')

/** RFC 8628, section 3.2. */
export const deviceCodeSchema = z
  .strictObject({
    device_code: z.string(),
    user_code: z.string(),
    verification_uri: z.string(),
    verification_uri_complete: z.string(),
    expires_in: z.int(),
    interval: z.int(),
  })
  .openapi('DeviceCode')

/** RFC 8628, section 3.4. */
export const deviceTokenRequestSchema = z
  .object({
    grant_type: z.literal('urn:ietf:params:oauth:grant-type:device_code'),
    device_code: z.string().min(1).max(128),
    client_id: z.string().min(1).max(100),
  })
  .openapi('DeviceTokenRequest')

/** RFC 6749, section 5.1: a personal access token, shown this once. */
export const deviceTokenSchema = z
  .strictObject({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int(),
    scope: tokenScopeSchema,
    id: idSchema,
    label: z.string(),
    username: nameSchema,
    expiresAt: timeSchema,
  })
  .openapi('DeviceToken')

/** RFC 8628, section 3.5. */
export const deviceRefusalSchema = z
  .strictObject({
    error: z.enum(['authorization_pending', 'slow_down', 'access_denied', 'expired_token']),
    error_description: z.string(),
  })
  .openapi('DeviceRefusal')

const userCodeSchema = z.string().min(1).max(40).openapi({ example: 'BCDF-GHJK' })

export const deviceQuerySchema = z.strictObject({ userCode: userCodeSchema })
export const deviceDecisionSchema = z.strictObject({ userCode: userCodeSchema }).openapi('DeviceDecision')

/** `address`: where it asked from. */
export const deviceSchema = z
  .strictObject({ name: z.string(), address: z.string(), createdAt: timeSchema, expiresAt: timeSchema })
  .openapi('Device')

export const deviceAnswerSchema = z.strictObject({ device: deviceSchema })
