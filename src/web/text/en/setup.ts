export const setup = {
  title: 'Set up Kagami',
  lead: 'Nobody owns this server yet. Make the first owner and the first organization; you can add people later.',
  code: 'Setup code',
  codeHelp: 'The server printed it when it started. It works once.',
  organization: 'Organization',
  organizationHelp: 'The first part of every image’s name, such as acme in acme/python.',
  username: 'User name',
  displayName: 'Your name',
  password: 'Password',
  passwordHelp: 'At least 8 characters.',
  submit: 'Make the owner and sign in',
  over: 'This server has an owner',
  overLead: 'It was set up before. Sign in, or ask its owner for an invitation.',
  toSignIn: 'Go to sign-in',
}

export const enter = {
  opening: 'Signing you in …',
  broken: 'This link does not work any more',
  help: 'It works once, within 15 minutes. Print a new one where the server runs:',
  toSignIn: 'Sign in by password instead',
}
