/** How the heap is kept: what JavaScriptCore reads of the environment before any code of ours runs. `bin/kagami` has the same, and says why. */
import type { Environment } from './settings.ts'

export const HEAP_SETTINGS: Readonly<Record<string, string>> = {
  BUN_JSC_forceRAMSize: '536870912',
  BUN_JSC_smallHeapGrowthFactor: '1.5',
  BUN_JSC_minEdenToOldGenerationRatio: '0.25',
}

/**
 * For the single executable, which nobody gives them: starts it anew with them, in the same process. It returns where they are set already, and
 * where the system cannot do so: then it serves in more memory.
 */
export function startAnewWithHeapSettings(environment: Environment, args: readonly string[]): void {
  if (Object.keys(HEAP_SETTINGS).every((name) => environment[name] !== undefined)) return
  const given = Object.entries(environment).filter((one): one is [string, string] => one[1] !== undefined)
  try {
    process.execve?.(process.execPath, [process.execPath, ...args], { ...HEAP_SETTINGS, ...Object.fromEntries(given) })
  } catch {
    // As it is, then.
  }
}
