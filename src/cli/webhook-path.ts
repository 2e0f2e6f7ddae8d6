import { repositoryPath, segment } from './client.ts'

/** The path of what has webhooks. @param target ORGANIZATION/NAME, or ORGANIZATION */
export function webhooksPath(target: string): string {
  const base = target.includes('/') ? `/repositories/${repositoryPath(target)}` : `/organizations/${segment(target)}`
  return `${base}/webhooks`
}

export function webhookPath(target: string, name: string): string {
  return `${webhooksPath(target)}/${segment(name)}`
}
