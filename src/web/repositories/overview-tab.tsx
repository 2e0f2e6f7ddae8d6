/** What it is, and how to pull it. */
import { Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useTags } from '../api/tags.ts'
import { bytes, number } from '../format/sizes.ts'
import { Facts } from '../shell/facts.tsx'
import { Command, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'

export function OverviewTab({
  repository,
  mirror,
}: {
  readonly repository: RepositoryDetail
  readonly mirror: Mirror | undefined
}) {
  const { text, language } = useSpeech()
  const tags = useTags(repository.name)
  const newest = tags.data?.items.toSorted((a, b) => (a.movedAt < b.movedAt ? 1 : -1))[0]
  const image = `${location.host}/${repository.name}${newest === undefined ? '' : `:${newest.name}`}`
  const { facts } = text.repositories
  const shown: readonly (readonly [string, ReactNode])[] = [
    ...(mirror === undefined
      ? []
      : [[facts.mirrorOf, `${mirror.source.upstream}/${mirror.source.repository}`] as const]),
    [facts.tags, number(repository.tags, language)],
    [facts.size, bytes(repository.sizeBytes, language)],
    [facts.updated, <Time key="updated" at={repository.updatedAt} />],
    [facts.created, <Time key="created" at={repository.createdAt} />],
  ]
  return (
    <Stack>
      <Section
        title={`${text.repositories.pull}${newest === undefined ? '' : ` — ${text.repositories.newest(newest.name)}`}`}
      >
        <Command line={`docker pull ${image}`} />
        <Command line={`podman pull ${image}`} />
        <Command line={`skopeo inspect docker://${image}`} />
      </Section>
      <Facts facts={shown} />
      {repository.description === '' ? null : <Text style={{ whiteSpace: 'pre-wrap' }}>{repository.description}</Text>}
    </Stack>
  )
}
