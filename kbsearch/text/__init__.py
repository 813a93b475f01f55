"""What a text is, whoever wrote it: plain text, Markdown to safe HTML, personal data taken out."""
