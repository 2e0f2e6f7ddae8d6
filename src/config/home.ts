import { homedir } from 'node:os'

/** The user's home; `/` for one who has none, such as the arbitrary user of a container: nothing is found there, and nothing breaks. */
export function homeDirectory(): string {
  try {
    return homedir()
  } catch {
    return '/'
  }
}
