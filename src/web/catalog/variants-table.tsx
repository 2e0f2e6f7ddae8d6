/** The builds of an entry, side by side. */
import { Code, Group, Stack, Table, Text } from '@mantine/core'
import { CheckIcon } from '@primer/octicons-react'
import type { CatalogVariant } from '../../api/catalog.ts'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { ComplianceBadges, SupportBadge } from './badges.tsx'

const TAGS_SHOWN = 3

export function VariantsTable({
  variants,
  organization,
}: {
  readonly variants: readonly CatalogVariant[]
  readonly organization: string
}) {
  const { text } = useSpeech()
  const { columns } = text.entry
  return (
    <Table.ScrollContainer minWidth={1020}>
      <Table verticalSpacing={8} highlightOnHover className="variants">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.variant}</Table.Th>
            <Table.Th>{columns.tags}</Table.Th>
            <Table.Th>{columns.platforms}</Table.Th>
            <Table.Th>{text.catalog.columns.compliance}</Table.Th>
            <Table.Th>{columns.packageManager}</Table.Th>
            <Table.Th>{columns.shell}</Table.Th>
            <Table.Th>{columns.user}</Table.Th>
            <Table.Th>{text.catalog.columns.support}</Table.Th>
            <Table.Th>{columns.mirrored}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {variants.map((variant) => (
            <VariantRow key={variant.definition ?? variant.name} variant={variant} organization={organization} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function VariantRow({ variant, organization }: { readonly variant: CatalogVariant; readonly organization: string }) {
  const { text } = useSpeech()
  const { tags } = variant
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={500} className="one-line">
          {variant.name}
        </Text>
        <Text size="xs" c="dimmed" className="one-line">
          {[variant.distribution, variant.variant, variant.flavor].filter(Boolean).join(' · ')}
        </Text>
      </Table.Td>
      <Table.Td>
        <Stack gap={2} align="flex-start">
          {tags.slice(0, TAGS_SHOWN).map((tag) => (
            <Code key={tag}>{tag}</Code>
          ))}
          {tags.length > TAGS_SHOWN ? (
            <details className="more">
              <summary>{text.entry.moreTags(tags.length - TAGS_SHOWN)}</summary>
              {tags.slice(TAGS_SHOWN).map((tag) => (
                <Code key={tag}>{tag}</Code>
              ))}
            </details>
          ) : null}
        </Stack>
      </Table.Td>
      <Table.Td>
        {variant.platforms.map((platform) => (
          <Text key={platform} size="sm" className="one-line">
            {platform}
          </Text>
        ))}
      </Table.Td>
      <Table.Td>
        <Group gap={4}>
          <ComplianceBadges compliance={variant.compliance} />
        </Group>
      </Table.Td>
      <Table.Td>
        <Program name={variant.packageManager} />
      </Table.Td>
      <Table.Td>
        <Program name={variant.shell} />
      </Table.Td>
      <Table.Td className="one-line">{variant.user}</Table.Td>
      <Table.Td>
        <SupportBadge isShort support={variant.support} until={variant.endOfLife ?? variant.endOfSupport} />
      </Table.Td>
      <Table.Td>
        <Stack gap={2} align="flex-start">
          {variant.mirrored.map(({ repository, tags: here }) => (
            <Stack key={repository} gap={2} align="flex-start" className="one-line">
              <RepositoryLink name={repository} tab="tags" isShort={repository.startsWith(`${organization}/`)} />
              <Status tone={here === tags.length ? 'good' : 'quiet'} icon={CheckIcon}>
                {text.entry.partly(here, tags.length)}
              </Status>
            </Stack>
          ))}
        </Stack>
      </Table.Td>
    </Table.Tr>
  )
}

/** `none` is worth a word: that there is no shell is why people take such an image. */
function Program({ name }: { readonly name: string | null }) {
  const { text } = useSpeech()
  if (name === null) return null
  return name === 'none' ? (
    <Text size="sm" c="dimmed">
      {text.entry.none}
    </Text>
  ) : (
    <Code>{name}</Code>
  )
}
