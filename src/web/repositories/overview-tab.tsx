/** What it is, how to pull it, and what is new in it. */
import { Anchor, Group, Stack, Table, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import type { Tag } from '../../api/tags.ts'
import { useAllowed } from '../api/repositories.ts'
import { useTags } from '../api/tags.ts'
import { bytes, number } from '../format/sizes.ts'
import { ImageLink } from '../images/image-link.tsx'
import { Facts } from '../shell/facts.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Digest, Failure, Rows, Time } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import { Description } from './description.tsx'
import { PullCommands } from './pull-commands.tsx'

const SHOWN_TAGS = 5

export function OverviewTab({
  repository,
  mirror,
}: {
  readonly repository: RepositoryDetail
  readonly mirror: Mirror | undefined
}) {
  const { text, language } = useSpeech()
  const allowed = useAllowed(repository.name)
  const tags = useTags(repository.name)
  const newest = tags.data?.items.toSorted((a, b) => (a.movedAt < b.movedAt ? 1 : -1)).slice(0, SHOWN_TAGS)
  const { facts } = text.repositories
  const shown: readonly (readonly [string, ReactNode])[] = [
    [facts.tags, number(repository.tags, language)],
    [facts.size, bytes(repository.sizeBytes, language)],
    [facts.updated, <Time key="updated" at={repository.updatedAt} />],
    [facts.created, <Time key="created" at={repository.createdAt} />],
  ]
  return (
    <Stack>
      {mirror === undefined ? null : <Source mirror={mirror} />}
      <Description repository={repository} mayEdit={allowed.has('admin')} />
      <PullCommands repository={repository} tags={newest} />
      <Facts facts={shown} cols={{ base: 2, sm: 4 }} />
      <Section title={text.overview.newest}>
        {tags.isError ? (
          <Failure error={tags.error} retry={() => void tags.refetch()} />
        ) : newest === undefined ? (
          <Rows count={3} />
        ) : newest.length === 0 ? (
          <Text c="dimmed">{mirror === undefined ? text.tags.emptyPush : text.tags.emptyMirror}</Text>
        ) : (
          <Newest repository={repository.name} tags={newest} />
        )}
      </Section>
      {allowed.size > 0 && !allowed.has('admin') ? <MayNot>{text.overview.mayPull}</MayNot> : null}
    </Stack>
  )
}

/** Where it comes from and how far it is behind, in one line. */
function Source({ mirror }: { readonly mirror: Mirror }) {
  const { text } = useSpeech()
  const { checkedAt } = mirror.freshness
  const source = `${mirror.source.upstream}/${mirror.source.repository}`
  return (
    <Group gap="sm">
      <Text size="sm">
        {mirror.state === 'stopped' ? text.overview.onceMirrorOf(source) : text.overview.mirrorOf(source)}
      </Text>
      <Text size="sm" c="dimmed">
        {text.overview.lookedAt} {checkedAt === null ? text.common.never : <Time at={checkedAt} />}
      </Text>
      <Anchor
        size="sm"
        renderRoot={(props) => (
          <Link
            {...props}
            to="/o/$organization/repository/$"
            params={repositoryPlace(mirror.repository)}
            search={{ tab: 'mirror' }}
          />
        )}
      >
        {text.overview.more}
      </Anchor>
    </Group>
  )
}

function Newest({ repository, tags }: { readonly repository: string; readonly tags: readonly Tag[] }) {
  const { text, language } = useSpeech()
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table verticalSpacing={4} aria-label={text.overview.newest}>
        <Table.Tbody>
          {tags.map((tag) => (
            <Table.Tr key={tag.name}>
              <Table.Td>
                <ImageLink repository={repository} reference={tag.name} />
              </Table.Td>
              <Table.Td>
                <Digest digest={tag.digest} />
              </Table.Td>
              <Table.Td ta="right">{bytes(tag.sizeBytes, language)}</Table.Td>
              <Table.Td ta="right">
                <Time at={tag.movedAt} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
