/** What a doctor finds of an instance, for operators. */
import { timeSchema, z } from './schema.ts'

/** `where`: the thing it is about, such as `upstream acme/hub`; `mend`: what to do, empty where nothing is to be done. */
export const doctorFindingSchema = z
  .strictObject({ level: z.enum(['ok', 'warn', 'fail']), what: z.string(), where: z.string(), mend: z.string() })
  .openapi('DoctorFinding')

export const doctorAnswerSchema = z
  .strictObject({ at: timeSchema, findings: z.array(doctorFindingSchema) })
  .openapi('DoctorReport')

export type DoctorFinding = z.infer<typeof doctorFindingSchema>
export type DoctorReport = z.infer<typeof doctorAnswerSchema>
