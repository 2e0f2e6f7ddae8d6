export const signIn = {
  title: 'Sign in to Kagami',
  lead: 'Your organization’s own mirror of the images it builds on.',
  username: 'User name or mail address',
  password: 'Password',
  code: 'Code of your authenticator, or a recovery code',
  submit: 'Sign in',
  wrong: 'That is not the right user name and password.',
  wrongCode: 'That code is not right, or was used before.',
}
