"""Images and what is known of them: records, labels, layouts, pixels, identity, splits."""
