/** What moved lately: a repository a line, with the tags that moved last. */
import { Badge, Group, Stack, Text } from '@mantine/core'
import type { MovedRepository } from '../../api/glance.ts'
import { useMoved } from '../api/home.ts'
import { number } from '../format/sizes.ts'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'

const SHOWN = 10
const SHOWN_TAGS = 3

export function Moved({ organization }: { readonly organization: string }) {
  const { text, language } = useSpeech()
  const moved = useMoved(organization)
  const all = moved.data?.repositories
  return (
    <Section title={text.home.movedTitle} lead={text.home.movedLead}>
      {moved.isError ? (
        <Failure error={moved.error} retry={() => void moved.refetch()} />
      ) : all === undefined ? (
        <Rows count={4} />
      ) : all.length === 0 ? (
        <Text c="dimmed">{text.home.nothingMoved}</Text>
      ) : (
        <Stack gap={8}>
          {all.slice(0, SHOWN).map((one) => (
            <Row key={one.repository} moved={one} />
          ))}
          {all.length > SHOWN ? (
            <Text size="sm" c="dimmed">
              {text.home.more(number(all.length - SHOWN, language))}
            </Text>
          ) : null}
        </Stack>
      )}
    </Section>
  )
}

function Row({ moved }: { readonly moved: MovedRepository }) {
  const { text, language } = useSpeech()
  const rest = moved.moves - SHOWN_TAGS
  return (
    <Group justify="space-between" gap="sm">
      <Group gap={6} flex="1 1 240px" miw={0}>
        <RepositoryLink name={moved.repository} tab="tags" isShort />
        {moved.tags.slice(0, SHOWN_TAGS).map((tag) => (
          <Badge key={tag} variant="default" size="sm" tt="none" fw={400} ff="monospace" maw={180}>
            {tag}
          </Badge>
        ))}
        {rest > 0 ? (
          <Text size="xs" c="dimmed">
            {text.home.more(number(rest, language))}
          </Text>
        ) : null}
      </Group>
      <Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
        {text.home.moves(number(moved.moves, language))}, <Time at={moved.lastAt} />
      </Text>
    </Group>
  )
}
