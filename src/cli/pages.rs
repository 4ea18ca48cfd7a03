//! Lists that come in pages, read to their end.

use crate::client::{Page, PageRequest, Result};

/// All items of a list, whose pages `page` gets.
pub(crate) async fn all<T>(page: impl AsyncFn(&PageRequest) -> Result<Page<T>>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    let mut request = PageRequest::default();
    loop {
        let page = page(&request).await?;
        all.extend(page.items);
        request.token = page.next;
        if request.token.is_none() {
            return Ok(all);
        }
    }
}
