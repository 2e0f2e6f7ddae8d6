/** Does the steps of a plan, one after the other; what does not need a failed one goes on. */
import { z } from '../../api/schema.ts'
import { AppError, isAppError, isCancelled } from '../../errors.ts'
import type { ApiClient } from '../client.ts'
import type { Step } from './plan.ts'

export interface StepResult {
  readonly step: Step
  readonly outcome: 'planned' | 'done' | 'failed' | 'skipped' | 'unchanged'
  /** Why it failed or was skipped. */
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Not carried out. */
export function asPlanned(steps: readonly Step[]): StepResult[] {
  return steps.map((step) => ({ step, outcome: step.action === 'unchanged' ? 'unchanged' : 'planned', error: null }))
}

/** @param onDone after each step that did something or failed */
export async function carryOut(
  client: ApiClient,
  steps: readonly Step[],
  onDone: (result: StepResult) => void,
): Promise<StepResult[]> {
  const results: StepResult[] = []
  const failed = new Set<string>()
  for (const step of steps) {
    const result = await carryOutOne(client, step, failed)
    if (result.error !== null) failed.add(step.key)
    results.push(result)
    if (result.outcome !== 'unchanged') onDone(result)
  }
  return results
}

async function carryOutOne(client: ApiClient, step: Step, failed: ReadonlySet<string>): Promise<StepResult> {
  if (step.action === 'unchanged') return { step, outcome: 'unchanged', error: null }
  const missing = step.needs.find((key) => failed.has(key))
  if (missing !== undefined) {
    const message = `needs the ${missing.replace(' /', ' (shared)/')}, which failed`
    return { step, outcome: 'skipped', error: { code: 'CONFLICT', message } }
  }
  try {
    for (const { method, path, query, body } of step.calls) {
      const request = { ...(query === undefined ? {} : { query }), body }
      if (method === 'DELETE') await client.send(method, path, request)
      else await client.call(method, path, z.unknown(), request)
    }
    return { step, outcome: 'done', error: null }
  } catch (error) {
    if (isCancelled(error) || isAppError(error, 'UNAUTHORIZED')) throw error
    if (!(error instanceof AppError)) throw error
    return { step, outcome: 'failed', error: { code: error.code, message: error.message } }
  }
}
