/** What somebody did to a repository, as a sentence that leads to what it was done to. */
import { Anchor, Group } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { AuditEntry } from '../../api/audit.ts'
import { withShortDigests } from '../format/sizes.ts'
import { ImageLink } from '../images/image-link.tsx'
import { aboutOf } from '../shell/audit-about.ts'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { Status } from '../shell/status.tsx'
import type { Text as Words } from '../text/en/index.ts'
import { useSpeech } from '../text/language.tsx'
import type { Said } from '../text/said.ts'
import type { RepositorySearch } from './tabs.ts'

export function ActivityLine({ name, entry }: { readonly name: string; readonly entry: AuditEntry }) {
  const { text, said } = useSpeech()
  const object = objectOf(name, entry, text)
  return (
    <Group gap="xs">
      <span>
        {sentenceOf(entry, text, said)}
        {object === undefined ? '' : ': '}
        {object}
      </span>
      {entry.outcome === 'refused' ? <Status tone="broken">{text.activity.refused}</Status> : null}
    </Group>
  )
}

function sentenceOf({ action, before, after }: AuditEntry, text: Words, said: Said | undefined): string {
  const { actions } = text.activity
  if (action === 'repository.change' && after !== null && before !== null) {
    if (before.visibility !== after.visibility && (after.visibility === 'public' || after.visibility === 'private'))
      return after.visibility === 'public' ? actions.madePublic : actions.madePrivate
    if (before.archivedAt !== after.archivedAt) return after.archivedAt === null ? actions.unarchived : actions.archived
  }
  // One that the page does not know yet is named as the log names it.
  return action in actions ? actions[action as keyof typeof actions] : (said?.audit[action] ?? action)
}

function objectOf(name: string, { action, object, before, after }: AuditEntry, text: Words): ReactNode {
  const webhook = `webhook:${name}/`
  if (object.startsWith(webhook)) {
    const one = object.slice(webhook.length)
    return (
      <InRepository name={name} search={{ tab: 'webhooks', webhook: one }}>
        {one}
      </InRepository>
    )
  }
  if (object.startsWith(`${name}:`) || object.startsWith(`${name}@`)) {
    const reference = object.slice(name.length + 1)
    return (
      <ImageLink repository={name} reference={reference}>
        {withShortDigests(reference)}
      </ImageLink>
    )
  }
  const run = after?.run
  if (action === 'mirror.sync' && typeof run === 'string') {
    return (
      <InRepository name={name} search={{ tab: 'mirror', run }}>
        {run.slice(0, SHOWN_RUN)}
      </InRepository>
    )
  }
  // A team that was given access, or lost it: to the repository itself, or to a pattern that takes it.
  const about = action.startsWith('team.') ? aboutOf({ before, after }, text) : undefined
  const own = object === name ? undefined : withShortDigests(object)
  return [about, own].filter((part) => part !== undefined).join(' · ') || undefined
}

const SHOWN_RUN = 8

function InRepository(o: { readonly name: string; readonly search: RepositorySearch; readonly children: ReactNode }) {
  return (
    <Anchor
      size="sm"
      renderRoot={(props) => (
        <Link {...props} to="/o/$organization/repository/$" params={repositoryPlace(o.name)} search={o.search} />
      )}
    >
      {o.children}
    </Anchor>
  )
}
