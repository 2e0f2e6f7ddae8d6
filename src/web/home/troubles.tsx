/** What is wrong, why, and what ends it. */
import { Anchor, Code, Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { MirrorGlance } from '../../api/glance.ts'
import { number } from '../format/sizes.ts'
import { Time } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { signOf, type Trouble, troublesOf, wordOf } from './standing.ts'

const SHOWN = 8

export function Troubles({
  organization,
  mirrors,
}: {
  readonly organization: string
  readonly mirrors: readonly MirrorGlance[]
}) {
  const { text, language } = useSpeech()
  const troubles = troublesOf(mirrors)
  const rest = troubles.slice(SHOWN).reduce((sum, one) => sum + one.mirrors.length, 0)
  return (
    <Section title={text.home.wrongTitle}>
      {troubles.length === 0 ? <Text c="dimmed">{text.home.allWell}</Text> : null}
      <Stack gap="sm">
        {troubles.slice(0, SHOWN).map((one) => (
          <Row key={one.mirrors[0].repository} organization={organization} trouble={one} />
        ))}
      </Stack>
      {rest === 0 ? null : (
        <MirrorsLink organization={organization}>{text.home.more(number(rest, language))}</MirrorsLink>
      )}
    </Section>
  )
}

function Row({ organization, trouble }: { readonly organization: string; readonly trouble: Trouble }) {
  const { text, language } = useSpeech()
  const { mirrors } = trouble
  const [first] = mirrors
  const [tone, icon] = signOf(first)
  return (
    <Group justify="space-between" align="flex-start" gap="sm">
      <Stack gap={2} flex="1 1 260px" miw={0}>
        {mirrors.length === 1 ? (
          <RepositoryLink name={first.repository} tab="mirror" isShort />
        ) : (
          <MirrorsLink organization={organization}>
            {text.home.howMany(number(mirrors.length, language))} {text.home.ofUpstream(first.upstream)}
          </MirrorsLink>
        )}
        {first.reason === null ? null : (
          <Text size="sm" c="dimmed" lineClamp={2}>
            {first.reason}
          </Text>
        )}
        {first.remedy === null || mirrors.length > 1 ? null : (
          <Text size="xs" c="dimmed">
            {text.home.remedyLine} <Code>{`kagami ${first.remedy}`}</Code>
          </Text>
        )}
      </Stack>
      <Group gap="sm" wrap="nowrap">
        <Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
          <Time at={first.since} />
        </Text>
        <Status tone={tone} icon={icon}>
          {wordOf(first, text)}
        </Status>
      </Group>
    </Group>
  )
}

function MirrorsLink(o: { readonly organization: string; readonly children: React.ReactNode }) {
  return (
    <Anchor
      size="sm"
      renderRoot={(props) => (
        <Link {...props} to="/o/$organization/mirrors" params={{ organization: o.organization }} />
      )}
    >
      {o.children}
    </Anchor>
  )
}
