/** Who may do what, as one table: a line each right, a column each way to have it. */
import { Table, VisuallyHidden } from '@mantine/core'
import { CheckIcon } from '@primer/octicons-react'
import type { RepositoryAccess, RepositoryRight } from '../../api/access.ts'
import { number } from '../format/sizes.ts'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'

const RIGHTS: readonly RepositoryRight[] = [
  'pull',
  'history',
  'push',
  'tag.delete',
  'admin',
  'grant',
  'webhook.manage',
  'audit',
  'mirror.read',
  'mirror.sync',
  'mirror.start',
]

export function RightsTable({ access }: { readonly access: RepositoryAccess }) {
  const { text, language } = useSpeech()
  const { roles, permissions, manageMirrors } = access.rules
  const people = (role: 'owner' | 'editor' | 'member') =>
    access.members === null ? '' : ` (${number(access.members.counts[role], language)})`
  const ways: readonly (readonly [label: string, rights: readonly RepositoryRight[]])[] = [
    [text.access.you, access.allowed],
    [`${text.people.roles.owner}${people('owner')}`, roles.owner],
    [`${text.people.roles.editor}${people('editor')}`, roles.editor],
    [`${text.people.roles.member}${people('member')}`, roles.member],
    [text.access.teamWith(text.access.permissions.read), permissions.read],
    [text.access.teamWith(text.access.permissions.write), permissions.write],
    [text.access.teamWith(text.access.permissions.admin), permissions.admin],
    [text.access.managesMirrors, manageMirrors],
  ]
  return (
    <Section title={text.access.whoMay} lead={text.access.whoMayLead}>
      <Table.ScrollContainer minWidth={860}>
        <Table verticalSpacing={4} aria-label={text.access.whoMay}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th />
              {ways.map(([label]) => (
                <Table.Th key={label} ta="center" fz="xs">
                  {label}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {RIGHTS.map((right) => (
              <Table.Tr key={right}>
                <Table.Th scope="row" fw={400}>
                  {text.access.repositoryRights[right]}
                </Table.Th>
                {ways.map(([label, rights]) => (
                  <Table.Td key={label} ta="center">
                    {rights.includes(right) ? (
                      <CheckIcon size={14} aria-label={text.access.yes} />
                    ) : (
                      <VisuallyHidden>{text.access.no}</VisuallyHidden>
                    )}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  )
}
