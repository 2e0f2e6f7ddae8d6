/** Work that Ctrl-C ends. */
import { AppError, isCancelled } from '../errors.ts'
import type { CommandLine } from './command-line.ts'
import { ExitStatus } from './exit.ts'

/** What a shell says of a program that Ctrl-C has ended. */
const INTERRUPTED = 130

/** @param said once it is interrupted: what has become of it */
export async function interruptible<T>(
  line: CommandLine,
  said: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController()
  const onSignal = () => abort.abort(new AppError('CANCELLED', 'interrupted'))
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    return await work(abort.signal)
  } catch (error) {
    if (!abort.signal.aborted || !isCancelled(error)) throw error
    line.terminal.note(`interrupted: ${said}`)
    throw new ExitStatus(INTERRUPTED)
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}
