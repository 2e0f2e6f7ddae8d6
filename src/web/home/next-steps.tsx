/** What to do in an organization in which nothing is yet, by what one may do there. */
import { Anchor, List, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useRole } from '../api/organizations.ts'
import { Command } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'

export function NextSteps({ organization }: { readonly organization: string }) {
  const { text } = useSpeech()
  const { steps } = text.home
  const role = useRole(organization)
  const image = `${location.host}/${organization}/app:1.0`
  return (
    <Section title={text.home.stepsTitle}>
      <List type="ordered" spacing="md">
        <List.Item>
          <Anchor renderRoot={(props) => <Link {...props} to="/o/$organization/catalog" params={{ organization }} />}>
            {steps.choose}
          </Anchor>
          <Text size="sm" c="dimmed">
            {role === 'owner' ? steps.chooseLead : steps.ask}
          </Text>
        </List.Item>
        {role === 'member' || role === undefined ? null : (
          <List.Item styles={{ itemLabel: { width: '100%' }, itemWrapper: { width: '100%' } }}>
            <Text mb={4}>{steps.push}</Text>
            <Command line={`docker push ${image}`} />
          </List.Item>
        )}
        {role === 'owner' ? (
          <List.Item>
            <Anchor renderRoot={(props) => <Link {...props} to="/o/$organization/people" params={{ organization }} />}>
              {steps.invite}
            </Anchor>
            <Text size="sm" c="dimmed">
              {steps.inviteLead}
            </Text>
          </List.Item>
        ) : null}
      </List>
    </Section>
  )
}
